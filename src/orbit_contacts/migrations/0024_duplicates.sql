-- Contacts that may be the same person. Nothing here is written on the way of a change of a contact: whoever asks for
-- duplicates has the contacts compared that changed since.

-- What a contact is found by: hashes of its name, mailbox, phone ending, … as of its version (`updated_at`).
CREATE TABLE duplicate_profiles (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    contact_id uuid NOT NULL,
    version timestamptz NOT NULL,
    keys bigint[] NOT NULL,
    PRIMARY KEY (cell_id, contact_id),
    FOREIGN KEY (cell_id, contact_id) REFERENCES contacts (cell_id, id) ON DELETE CASCADE
);
CREATE INDEX duplicate_profiles_by_key ON duplicate_profiles USING gin (keys) WITH (fastupdate = off);

-- A pair stands with its older contact. `dismissed_at`: somebody said that they are two people.
CREATE TABLE duplicate_pairs (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    contact_id uuid NOT NULL,
    other_id uuid NOT NULL,
    score real NOT NULL,
    reasons jsonb NOT NULL,
    found_at timestamptz NOT NULL,
    dismissed_at timestamptz,
    dismissed_by text,
    PRIMARY KEY (cell_id, contact_id, other_id),
    FOREIGN KEY (cell_id, contact_id) REFERENCES contacts (cell_id, id) ON DELETE CASCADE
);
CREATE INDEX duplicate_pairs_by_score ON duplicate_pairs (workspace_id, score, contact_id, other_id)
    WHERE dismissed_at IS NULL;
CREATE INDEX duplicate_pairs_of_other ON duplicate_pairs (workspace_id, other_id);

-- How far the contacts of a cell were compared; `queued_at`: a job goes on with it.
CREATE TABLE duplicate_scans (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL PRIMARY KEY,
    seen_at timestamptz NOT NULL,
    seen_id uuid NOT NULL,
    queued_at timestamptz
);
