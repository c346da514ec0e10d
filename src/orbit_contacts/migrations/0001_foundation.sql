-- The house: workspaces and keys, contacts and their identifiers, events, counters.
-- Rules of the data (docs/adr/0003): every row of a contact carries workspace_id and cell_id,
-- cell_id = workspace_id * 1024 + k; primary keys begin with cell_id; no triggers; ids and times are given.

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;

CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    applied_at timestamptz NOT NULL
);

-- One row: the secret from which cursor, link and tombstone keys are derived.
CREATE TABLE installation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    secret bytea NOT NULL CHECK (length(secret) = 32),
    created_at timestamptz NOT NULL
);

CREATE TABLE organizations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    created_at timestamptz NOT NULL
);

-- A workspace is the partition of all data: one organization in one mode.
CREATE TABLE workspaces (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id bigint NOT NULL REFERENCES organizations (id),
    mode text NOT NULL CHECK (mode IN ('live', 'test')),
    cell_count integer NOT NULL DEFAULT 1 CHECK (cell_count BETWEEN 1 AND 1024),
    default_region text,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    UNIQUE (organization_id, mode)
);

CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    workspace_id bigint NOT NULL REFERENCES workspaces (id),
    name text NOT NULL,
    type text NOT NULL CHECK (type IN ('secret', 'public')),
    scopes text[] NOT NULL,
    allowed_ips text[] NOT NULL DEFAULT '{}',
    hint text NOT NULL,
    hash bytea NOT NULL UNIQUE,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoke_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_keys_of_workspace ON api_keys (workspace_id, id);

CREATE TABLE audit_log (
    workspace_id bigint NOT NULL,
    id uuid NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    subject text NOT NULL,
    details jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE idempotency_keys (
    workspace_id bigint NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    status integer,
    headers text[],
    body bytea,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE contacts (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    id uuid NOT NULL,
    bucket integer NOT NULL,
    phone text,
    phone_extension text,
    email text,
    external_id text,
    first_name text,
    last_name text,
    display_name text,
    company text,
    country_code text,
    timezone text,
    language text,
    lifecycle_stage text,
    tags text[] NOT NULL DEFAULT '{}',
    metadata jsonb NOT NULL DEFAULT '{}',
    custom_fields jsonb NOT NULL DEFAULT '{}',
    dnc boolean NOT NULL DEFAULT false,
    blocked_at timestamptz,
    block_reason text,
    blocked_by text,
    source text NOT NULL,
    search_text text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    PRIMARY KEY (cell_id, id)
);
-- One index answers search and its filters; `bucket` lets a common word stop early (docs/adr/0004).
CREATE INDEX contacts_search ON contacts
    USING gin (workspace_id, bucket, lifecycle_stage, country_code, tags, search_text gin_trgm_ops)
    WHERE deleted_at IS NULL;
ALTER TABLE contacts ALTER COLUMN search_text SET STATISTICS 1000;
CREATE INDEX contacts_by_stage ON contacts (cell_id, lifecycle_stage, id) WHERE deleted_at IS NULL;
CREATE INDEX contacts_by_country ON contacts (cell_id, country_code, id) WHERE deleted_at IS NULL;
CREATE INDEX contacts_by_language ON contacts (cell_id, language, id) WHERE deleted_at IS NULL;
CREATE INDEX contacts_by_update ON contacts (cell_id, updated_at, id) WHERE deleted_at IS NULL;
CREATE INDEX contacts_by_last_name ON contacts (cell_id, coalesce(lower(last_name), U&'\FFFF'), id)
    WHERE deleted_at IS NULL;
CREATE INDEX contacts_by_email ON contacts (cell_id, coalesce(email, U&'\FFFF'), id) WHERE deleted_at IS NULL;
CREATE INDEX contacts_blocked ON contacts (cell_id, blocked_at, id)
    WHERE blocked_at IS NOT NULL AND deleted_at IS NULL;
CREATE INDEX contacts_deleted ON contacts (deleted_at) WHERE deleted_at IS NOT NULL;

-- Uniqueness is a table: who holds a phone, an e-mail or an external id among live contacts.
-- `value` is the match key (national variants of one line share it), never shown.
CREATE TABLE contact_identifiers (
    workspace_id bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('phone', 'email', 'external_id')),
    value text NOT NULL,
    cell_id bigint NOT NULL,
    contact_id uuid NOT NULL,
    PRIMARY KEY (workspace_id, kind, value)
);
CREATE INDEX contact_identifiers_of_contact ON contact_identifiers (cell_id, contact_id);

-- Totals without a hot row: append deltas, sum them, fold them together in the background.
CREATE TABLE contact_counts (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    lifecycle_stage text,
    country_code text,
    live integer NOT NULL,
    ever integer NOT NULL
);
CREATE INDEX contact_counts_of_cell ON contact_counts (cell_id);

CREATE TABLE events (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    contact_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    id uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    type text NOT NULL,
    channel text,
    direction text,
    data jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (cell_id, contact_id, occurred_at, id)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX events_by_type ON events (cell_id, type, occurred_at, contact_id);
CREATE TABLE events_default PARTITION OF events DEFAULT;
