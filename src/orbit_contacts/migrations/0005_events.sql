-- What an event tells beside its type and channel; absent values take no room.
ALTER TABLE events
    ADD COLUMN title text,
    ADD COLUMN category text,
    ADD COLUMN message_id text,
    ADD COLUMN call_id text,
    ADD COLUMN ticket_id text,
    ADD COLUMN event_id text, -- the sender's own id of the event
    ADD COLUMN key bigint, -- its row in event_keys, if it has one
    ADD COLUMN source text, -- the door it came in by: api, sdk; null for what this program wrote itself
    ADD COLUMN actor text; -- who did what this program wrote: api_key:key_…, user:…, system:…

-- Changes of the lifecycle stage of a contact: few, and every page of its journey needs them.
CREATE INDEX events_of_stages ON events (cell_id, contact_id, occurred_at)
    WHERE type = 'contact.updated' AND data #> '{changes,lifecycle_stage}' IS NOT NULL;

-- What is known of a contact by an id of the sender's: an event id, at whatever time the event is said to have happened,
-- or else type, message and time. `key` is a 64-bit hash of it. No foreign key: one look-up for each event would cost
-- more than the row.
CREATE TABLE event_keys (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    contact_id uuid NOT NULL,
    key bigint NOT NULL,
    PRIMARY KEY (cell_id, contact_id, key)
);

-- Sums over a contact's events, kept by the transactions that add them. Whoever adds events changes this row, so
-- that adding events and removing the contact wait for each other. Free space keeps the updates off the index.
CREATE TABLE contact_stats (
    workspace_id bigint NOT NULL,
    cell_id bigint NOT NULL,
    contact_id uuid NOT NULL,
    messages_sent integer NOT NULL,
    messages_received integer NOT NULL,
    calls_started integer NOT NULL,
    calls_ended integer NOT NULL,
    tickets_opened integer NOT NULL,
    tickets_closed integer NOT NULL,
    events integer NOT NULL,
    orders integer NOT NULL,
    order_value double precision NOT NULL,
    last_order_at timestamptz,
    last_inbound_at timestamptz,
    last_outbound_at timestamptz,
    last_activity_at timestamptz,
    PRIMARY KEY (cell_id, contact_id),
    FOREIGN KEY (cell_id, contact_id) REFERENCES contacts (cell_id, id) ON DELETE CASCADE
) WITH (fillfactor = 75);

-- One partition for each quarter of a year. Rows of its time that lie in the default partition move into it.
CREATE FUNCTION make_events_partition(quarter date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    first date := date_trunc('quarter', quarter);
    next date := first + interval '3 months';
    name text := 'events_' || to_char(first, 'YYYY') || '_q' || to_char(first, 'Q');
BEGIN
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    LOCK TABLE events_default IN ACCESS EXCLUSIVE MODE;
    -- Every page waits while rows move, so only as many as move in a second or two.
    IF (SELECT count(*) FROM (SELECT FROM events_default WHERE occurred_at >= first AND occurred_at < next LIMIT 100001)
        AS lying) > 100000 THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE events INCLUDING DEFAULTS)', name);
    -- Pages are counted from the index alone where the visibility map is kept up.
    EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_insert_scale_factor = 0.05)', name);
    EXECUTE format(
        'WITH moved AS (DELETE FROM events_default WHERE occurred_at >= %L AND occurred_at < %L RETURNING *)
         INSERT INTO %I SELECT * FROM moved',
        first::timestamptz, next::timestamptz, name
    );
    EXECUTE format(
        'ALTER TABLE events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
        name, first::timestamptz, next::timestamptz
    );
    RETURN true;
END
$$;

-- Remove a quarter whole, and what is known by the ids of its events.
CREATE FUNCTION drop_events_partition(quarter date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := 'events_' || to_char(quarter, 'YYYY') || '_q' || to_char(quarter, 'Q');
BEGIN
    EXECUTE format(
        'DELETE FROM event_keys k USING %I e
         WHERE k.cell_id = e.cell_id AND k.contact_id = e.contact_id AND k.key = e.key',
        name
    );
    EXECUTE format('DROP TABLE %I', name);
END
$$;

SELECT make_events_partition(quarter::date)
FROM generate_series(date_trunc('quarter', now()) - interval '3 years', now() + interval '6 months', '3 months')
    AS quarter;
