-- Lists and who is on them. A list lies with its workspace, a membership with its contact; there is no foreign key
-- between the two, so removing a list of a million members is one row now and the rest in the background.

CREATE TABLE lists (
    workspace_id bigint NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL,
    description text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX lists_by_name ON lists (workspace_id, name_key);

CREATE TABLE list_members (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    list_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    added_at timestamptz NOT NULL,
    PRIMARY KEY (cell_id, list_id, contact_id),
    FOREIGN KEY (cell_id, contact_id) REFERENCES contacts (cell_id, id) ON DELETE CASCADE
);
CREATE INDEX list_members_of_contact ON list_members (cell_id, contact_id, list_id);

-- Live members of a list in a cell: deltas are appended, summed by readers, folded in the background.
CREATE TABLE list_counts (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    list_id uuid NOT NULL,
    live integer NOT NULL
);
CREATE INDEX list_counts_of_list ON list_counts (cell_id, list_id);
