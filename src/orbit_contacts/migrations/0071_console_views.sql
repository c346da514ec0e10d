-- The console: addresses of the contact list that people keep under a name. A view without an owner is everybody's.

CREATE TABLE console_views (
    workspace_id bigint NOT NULL REFERENCES workspaces (id),
    id uuid NOT NULL,
    owner text,
    name text NOT NULL,
    address text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

-- Which view the list opens with, for each person.
CREATE TABLE console_default_views (
    workspace_id bigint NOT NULL,
    owner text NOT NULL,
    view_id uuid NOT NULL,
    PRIMARY KEY (workspace_id, owner),
    FOREIGN KEY (workspace_id, view_id) REFERENCES console_views (workspace_id, id) ON DELETE CASCADE
);
CREATE INDEX console_default_views_of_view ON console_default_views (workspace_id, view_id);
