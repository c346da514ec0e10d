-- The send gate: frequency caps, and the sends they count.

CREATE TABLE frequency_caps (
    workspace_id bigint NOT NULL,
    id uuid NOT NULL,
    name text NOT NULL,
    channel text,
    category text,
    max_sends integer NOT NULL CHECK (max_sends >= 1),
    window_seconds integer NOT NULL CHECK (window_seconds BETWEEN 60 AND 31536000),
    kind text NOT NULL CHECK (kind IN ('rolling', 'calendar_day')),
    enabled boolean NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

-- Recorded sends, kept as long as the longest window can ask for them.
CREATE TABLE contact_sends (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    contact_id uuid NOT NULL,
    sent_at timestamptz NOT NULL,
    id uuid NOT NULL,
    channel text NOT NULL,
    category text NOT NULL,
    message_id text,
    PRIMARY KEY (cell_id, contact_id, sent_at, id),
    FOREIGN KEY (cell_id, contact_id) REFERENCES contacts (cell_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX contact_sends_by_message ON contact_sends (cell_id, contact_id, channel, message_id)
    WHERE message_id IS NOT NULL;
CREATE INDEX contact_sends_by_age ON contact_sends USING brin (sent_at);
