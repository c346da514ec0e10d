-- Next best action: the decisions given, and the versions of each workspace's model.
CREATE TABLE nba_decisions (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    contact_id uuid NOT NULL,
    id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    record jsonb NOT NULL,
    answer bytea NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (cell_id, contact_id, id),
    FOREIGN KEY (cell_id, contact_id) REFERENCES contacts (cell_id, id) ON DELETE CASCADE
);
CREATE INDEX nba_decisions_by_age ON nba_decisions (decided_at);

CREATE TABLE nba_models (
    workspace_id bigint NOT NULL,
    trained_at timestamptz NOT NULL,
    model bytea NOT NULL,
    PRIMARY KEY (workspace_id, trained_at)
);
