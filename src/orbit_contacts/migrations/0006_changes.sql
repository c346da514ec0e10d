-- The order of the change feed (docs/adr/0007): a position that no transaction still running can undercut, then the
-- number that the row drew when it was written.
CREATE SEQUENCE event_numbers;

-- What transaction numbers are raised by: they begin anew when a dump is restored into another server.
CREATE FUNCTION change_offset() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 0::bigint';

-- The transaction's own number, or that of the newest one that had ended, whichever is later: whoever changes a contact
-- after another transaction did has a position not below that one's.
CREATE FUNCTION change_position() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT change_offset() + greatest(
        pg_current_xact_id()::text::bigint,
        pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1
    )
$$;

-- Every row below it is final: all transactions that could write one there have ended. A statement that begins later
-- sees them all. Only those count that hold the lock of writers on `events` here: other work, and other databases of the
-- server, do not hold the feed up.
CREATE FUNCTION change_horizon() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    WITH locks AS MATERIALIZED (
        SELECT virtualtransaction, locktype, mode, granted, database, relation, transactionid FROM pg_locks
    ), now AS (
        SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS next
    ), writers AS (
        -- How far back a transaction's number of 32 bits lies, which may also be ahead by now.
        SELECT (now.next - xid.transactionid::text::bigint) & 4294967295 AS back
        FROM now, locks AS held JOIN locks AS xid USING (virtualtransaction)
        WHERE held.locktype = 'relation' AND held.relation = 'events'::regclass AND held.mode = 'RowExclusiveLock'
          AND held.granted AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND xid.locktype = 'transactionid' AND xid.mode = 'ExclusiveLock' AND xid.granted
    )
    SELECT change_offset() + now.next - coalesce((SELECT max(back) FROM writers WHERE back < 2147483648), 0) FROM now
$$;

ALTER TABLE events
    ADD COLUMN position bigint NOT NULL DEFAULT change_position(),
    ADD COLUMN number bigint NOT NULL DEFAULT nextval('event_numbers');
CREATE INDEX events_by_position ON events (workspace_id, position, number);

-- The highest position seen lately: a server that counts below it was restored from a dump.
ALTER TABLE installation ADD COLUMN highest_position bigint NOT NULL DEFAULT 0;

CREATE FUNCTION keep_change_positions_rising() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    current bigint := change_position();
    highest bigint := (SELECT highest_position FROM installation);
BEGIN
    IF current >= coalesce(highest, 0) THEN
        UPDATE installation SET highest_position = greatest(highest_position, current);
        RETURN false;
    END IF;
    LOCK TABLE events IN EXCLUSIVE MODE;
    SELECT greatest(highest, max(position)) INTO highest FROM events;
    EXECUTE format(
        'CREATE OR REPLACE FUNCTION change_offset() RETURNS bigint LANGUAGE sql STABLE AS %L',
        'SELECT ' || (change_offset() + highest - current + 1) || '::bigint'
    );
    UPDATE installation SET highest_position = highest + 1;
    RETURN true;
END
$$;
