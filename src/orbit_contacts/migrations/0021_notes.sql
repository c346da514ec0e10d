-- Notes about a contact, for the people who serve it; never shown to the contact.

CREATE TABLE notes (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    contact_id uuid NOT NULL,
    id uuid NOT NULL,
    body text NOT NULL,
    pinned boolean NOT NULL,
    author_type text NOT NULL,
    author_id text NOT NULL,
    author_name text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (cell_id, contact_id, id),
    FOREIGN KEY (cell_id, contact_id) REFERENCES contacts (cell_id, id) ON DELETE CASCADE
);
