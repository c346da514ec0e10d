-- Merges, what is needed to undo them for 30 days, and the further identifiers that a survivor won by them.

CREATE TABLE merges (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    survivor_id uuid NOT NULL,
    id uuid NOT NULL,
    source_ids uuid[] NOT NULL,
    merged_at timestamptz NOT NULL,
    merged_by text NOT NULL,
    undone_at timestamptz,
    -- The survivor's fields before and after, and each participant's manifest; null once it cannot be undone.
    fields_before jsonb,
    fields_after jsonb,
    manifests jsonb,
    PRIMARY KEY (cell_id, survivor_id, id),
    FOREIGN KEY (cell_id, survivor_id) REFERENCES contacts (cell_id, id) ON DELETE CASCADE
);
CREATE INDEX merges_to_forget ON merges (merged_at) WHERE manifests IS NOT NULL;

-- A contact that is hidden because it was merged: into whom, and what went over that only belonged to it.
CREATE TABLE merged_contacts (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    contact_id uuid NOT NULL,
    survivor_id uuid NOT NULL,
    merge_id uuid NOT NULL,
    identifier_kinds text[] NOT NULL,
    identifier_values text[] NOT NULL,
    event_ids uuid[] NOT NULL,
    PRIMARY KEY (cell_id, contact_id),
    FOREIGN KEY (cell_id, contact_id) REFERENCES contacts (cell_id, id) ON DELETE CASCADE
);
CREATE INDEX merged_contacts_of_survivor ON merged_contacts (workspace_id, survivor_id);

-- Identifiers that a contact holds beside its own phone, e-mail and external id. `key` is the match key in
-- contact_identifiers, `value` what people read.
CREATE TABLE contact_aliases (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    contact_id uuid NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    source_id uuid NOT NULL,
    added_at timestamptz NOT NULL,
    PRIMARY KEY (cell_id, contact_id, kind, key),
    FOREIGN KEY (cell_id, contact_id) REFERENCES contacts (cell_id, id) ON DELETE CASCADE
);
