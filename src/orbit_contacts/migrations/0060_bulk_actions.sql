-- Bulk actions: what was asked, and for each contact what came of it and how to take it back.
CREATE TABLE bulk_actions (
    workspace_id bigint NOT NULL,
    id uuid NOT NULL,
    action text NOT NULL,
    params jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('queued', 'processing', 'completed', 'cancelled', 'undone')),
    requested integer NOT NULL,
    actor text NOT NULL,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE bulk_action_items (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    action_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    outcome text CHECK (outcome IN ('succeeded', 'skipped', 'failed', 'undone', 'kept')),
    code text,
    message text,
    undo jsonb,
    PRIMARY KEY (cell_id, action_id, contact_id)
);
