-- Definitions of custom fields; the values stand in contacts.custom_fields by key.
-- `deleted_at`: the field is gone for everybody, its last values are being removed in the background; only then is
-- the key free again.

CREATE TABLE custom_fields (
    workspace_id bigint NOT NULL,
    id uuid NOT NULL,
    key text NOT NULL,
    type text NOT NULL CHECK (type IN ('text', 'number', 'boolean', 'date', 'datetime', 'select', 'multi_select',
                                       'url', 'email', 'phone')),
    label text NOT NULL,
    description text,
    options text[] NOT NULL DEFAULT '{}',
    position integer NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    PRIMARY KEY (workspace_id, id)
);
CREATE UNIQUE INDEX custom_fields_by_key ON custom_fields (workspace_id, key);
