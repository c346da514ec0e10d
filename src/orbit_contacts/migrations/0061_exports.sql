-- Exports: what was asked, and the finished file in pieces, so that any process can serve it.
CREATE TABLE exports (
    workspace_id bigint NOT NULL,
    id uuid NOT NULL,
    request jsonb NOT NULL,
    format text NOT NULL,
    status text NOT NULL CHECK (status IN ('queued', 'processing', 'completed', 'failed')),
    row_count integer NOT NULL DEFAULT 0,
    size_bytes bigint NOT NULL DEFAULT 0,
    actor text NOT NULL,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX exports_by_expiry ON exports (expires_at);

CREATE TABLE export_pieces (
    workspace_id bigint NOT NULL,
    export_id uuid NOT NULL,
    number integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (workspace_id, export_id, number),
    FOREIGN KEY (workspace_id, export_id) REFERENCES exports (workspace_id, id) ON DELETE CASCADE
);
