-- Consent: the ledger, what it adds up to for each contact, the suppression list, and blocks that outlive a contact
-- (docs/adr/0006).

-- Append-only; one hash chain per subject: a contact, or an address that no contact held at the time. No foreign key:
-- the records outlive the contact, then without `details` and `salt` (whose digest the chain keeps).
CREATE TABLE consent_records (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    subject_id uuid NOT NULL,
    sequence integer NOT NULL,
    id uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    subject text NOT NULL CHECK (subject IN ('contact', 'address')),
    status text NOT NULL
        CHECK (status IN ('opted_in', 'opted_out', 'unknown', 'suppressed', 'released', 'erased')),
    scope text NOT NULL,
    address_kind text,
    address_hash bytea,
    excluded text[] NOT NULL,
    source text NOT NULL,
    actor text NOT NULL,
    consent_type text NOT NULL,
    lawful_basis text,
    text_version text,
    cause uuid,
    details_hash bytea,
    details bytea,
    salt bytea,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (cell_id, subject_id, sequence)
);
CREATE UNIQUE INDEX consent_records_by_id ON consent_records (cell_id, id);
CREATE INDEX consent_records_of_address ON consent_records (workspace_id, address_hash, id)
    WHERE address_hash IS NOT NULL;

-- The end of each chain: what the next record continues, and the lock that writers of one chain wait on.
CREATE TABLE consent_heads (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    subject_id uuid NOT NULL,
    sequence integer NOT NULL,
    recorded_at timestamptz NOT NULL,
    hash bytea NOT NULL,
    anchored_sequence integer NOT NULL,
    PRIMARY KEY (cell_id, subject_id)
);
CREATE INDEX consent_heads_unanchored ON consent_heads (workspace_id, cell_id, subject_id)
    WHERE sequence > anchored_sequence;

-- Checkpoints of a workspace, themselves a chain: each names the heads that moved since the one before.
CREATE TABLE consent_checkpoints (
    workspace_id bigint NOT NULL,
    number integer NOT NULL,
    created_at timestamptz NOT NULL,
    subjects integer NOT NULL,
    previous_hash bytea NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (workspace_id, number)
);
CREATE TABLE consent_checkpoint_heads (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    number integer NOT NULL,
    subject_id uuid NOT NULL,
    sequence integer NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (cell_id, number, subject_id)
);

-- What a contact's chain adds up to: the arrays for filters and lists, `state` with the record behind each channel.
CREATE TABLE consent_states (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    contact_id uuid NOT NULL,
    opted_in text[] NOT NULL,
    opted_out text[] NOT NULL,
    opted_out_at timestamptz,
    state jsonb NOT NULL,
    addresses bytea[] NOT NULL,
    PRIMARY KEY (cell_id, contact_id),
    FOREIGN KEY (cell_id, contact_id) REFERENCES contacts (cell_id, id) ON DELETE CASCADE
);
CREATE INDEX consent_states_by_opt_out ON consent_states (cell_id, opted_out_at, contact_id)
    WHERE opted_out_at IS NOT NULL;
CREATE INDEX consent_states_opted_out ON consent_states USING gin (cell_id, opted_out)
    WHERE opted_out_at IS NOT NULL;
CREATE INDEX consent_states_opted_in ON consent_states USING gin (cell_id, opted_in) WHERE opted_in <> '{}';
CREATE INDEX consent_states_of_address ON consent_states USING gin (cell_id, addresses);

-- Addresses that must not be reached. The key is a keyed hash; `address` is there only while it may be read.
CREATE TABLE suppressions (
    workspace_id bigint NOT NULL,
    address_hash bytea NOT NULL,
    scope text NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('phone', 'email', 'external_id')),
    address text,
    lifted text[] NOT NULL,
    source text NOT NULL,
    reason text,
    record_id uuid NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, address_hash, scope)
);
CREATE UNIQUE INDEX suppressions_by_id ON suppressions (workspace_id, id);
CREATE INDEX suppressions_by_scope ON suppressions (workspace_id, scope, id);

-- Identifiers of contacts that were deleted while they were blocked: whoever comes back under one is blocked again.
CREATE TABLE blocked_identifiers (
    workspace_id bigint NOT NULL,
    address_hash bytea NOT NULL,
    blocked_at timestamptz NOT NULL,
    blocked_by text,
    PRIMARY KEY (workspace_id, address_hash)
);
