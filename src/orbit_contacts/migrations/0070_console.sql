-- The console: who is signed in, and one-time links that sign somebody in. Tokens are stored as hashes only.

CREATE TABLE console_sessions (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    workspace_id bigint NOT NULL REFERENCES workspaces (id),
    key_id uuid REFERENCES api_keys (id) ON DELETE CASCADE,
    role text CHECK ((role IS NULL) <> (key_id IS NULL)),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX console_sessions_of_workspace ON console_sessions (workspace_id, key_id);

CREATE TABLE console_links (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    workspace_id bigint NOT NULL REFERENCES workspaces (id),
    role text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
