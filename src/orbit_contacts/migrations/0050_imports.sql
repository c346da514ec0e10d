-- Imports: the job, the bytes of its file until it has ended, the rows that did not get in, what each chunk has
-- seen, and for a day the way back.

CREATE TABLE imports (
    workspace_id bigint NOT NULL,
    id uuid NOT NULL,
    status text NOT NULL CHECK (status IN
        ('queued', 'processing', 'completed', 'failed', 'cancelled', 'rolling_back', 'rolled_back')),
    dry_run boolean NOT NULL,
    options jsonb NOT NULL,
    reading jsonb NOT NULL,
    file_name text,
    total integer NOT NULL,
    position integer NOT NULL DEFAULT 0,
    created integer NOT NULL DEFAULT 0,
    updated integer NOT NULL DEFAULT 0,
    unchanged integer NOT NULL DEFAULT 0,
    skipped integer NOT NULL DEFAULT 0,
    warnings jsonb NOT NULL DEFAULT '[]',
    attempts integer NOT NULL DEFAULT 0,
    error text,
    has_file boolean NOT NULL DEFAULT false,
    has_manifest boolean NOT NULL DEFAULT false,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    started_at timestamptz,
    progress_at timestamptz,
    finished_at timestamptz,
    rollback_expires_at timestamptz,
    rolled_back_at timestamptz,
    rollback jsonb,
    PRIMARY KEY (workspace_id, id)
);
CREATE INDEX imports_unfinished ON imports (progress_at)
    WHERE status IN ('queued', 'processing', 'rolling_back');
CREATE INDEX imports_with_manifest ON imports (rollback_expires_at) WHERE has_manifest;
CREATE INDEX imports_by_end ON imports (finished_at) WHERE finished_at IS NOT NULL;

-- The file as it was sent, in parts, so that any worker can go on with it.
CREATE TABLE import_files (
    workspace_id bigint NOT NULL,
    import_id uuid NOT NULL,
    part integer NOT NULL,
    data bytea NOT NULL,
    PRIMARY KEY (workspace_id, import_id, part)
);

-- What a committed chunk has met: hashes of its identifiers and contacts, for "the first occurrence wins".
CREATE TABLE import_chunks (
    workspace_id bigint NOT NULL,
    import_id uuid NOT NULL,
    position integer NOT NULL,
    seen bytea NOT NULL,
    PRIMARY KEY (workspace_id, import_id, position)
);

-- Rows that did not get in; kept 30 days.
CREATE TABLE import_skipped (
    workspace_id bigint NOT NULL,
    import_id uuid NOT NULL,
    place integer NOT NULL,
    row_number integer NOT NULL,
    code text NOT NULL,
    field text,
    message text NOT NULL,
    cells text[] NOT NULL,
    PRIMARY KEY (workspace_id, import_id, place)
);

-- The manifest: what an import did to each contact. No foreign key: it is written in bulk and lives for a day;
-- erasing a contact removes its rows.
CREATE TABLE import_changes (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    import_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    created boolean NOT NULL,
    at timestamptz NOT NULL,
    contact_updated_at timestamptz NOT NULL,
    changes jsonb NOT NULL,
    tags text[] NOT NULL,
    list_ids uuid[] NOT NULL,
    PRIMARY KEY (cell_id, import_id, contact_id)
);

-- How columns of a header were mapped by a person the last time.
CREATE TABLE import_mappings (
    workspace_id bigint NOT NULL,
    header_hash bytea NOT NULL,
    mapping jsonb NOT NULL,
    used_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, header_hash)
);

-- Who of the deleted had an identifier: an import names them. Live contacts are in none of these.
CREATE INDEX contacts_deleted_phone ON contacts (cell_id, phone) WHERE deleted_at IS NOT NULL;
CREATE INDEX contacts_deleted_email ON contacts (cell_id, email) WHERE deleted_at IS NOT NULL;
CREATE INDEX contacts_deleted_external_id ON contacts (cell_id, external_id) WHERE deleted_at IS NOT NULL;
