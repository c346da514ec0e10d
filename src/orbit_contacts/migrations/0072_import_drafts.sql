-- Files that somebody looks into before importing them: kept for a day, or until the import has begun.

CREATE TABLE import_drafts (
    workspace_id bigint NOT NULL,
    id uuid NOT NULL,
    file_name text,
    content_type text NOT NULL,
    size integer NOT NULL,
    choices jsonb NOT NULL,
    import_id uuid,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX import_drafts_by_age ON import_drafts (created_at);

CREATE TABLE import_draft_parts (
    workspace_id bigint NOT NULL,
    draft_id uuid NOT NULL,
    part integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (workspace_id, draft_id, part),
    FOREIGN KEY (workspace_id, draft_id) REFERENCES import_drafts (workspace_id, id) ON DELETE CASCADE
);
