-- The order of the change feed (docs/adr/0007): a position that no transaction still running can undercut, then the
-- number that the row drew when it was written.
CREATE SEQUENCE event_numbers;

-- What transaction numbers are raised by: they begin anew when a dump is restored into another server.
CREATE FUNCTION change_offset() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 0::bigint';

CREATE FUNCTION change_position() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT change_offset()
         + greatest(pg_current_xact_id(), pg_snapshot_xmax(pg_current_snapshot()))::text::bigint
$$;

-- Every row below it is final: all transactions that could write one there have ended.
CREATE FUNCTION change_horizon() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT change_offset() + pg_snapshot_xmin(pg_current_snapshot())::text::bigint
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
        UPDATE installation SET highest_position = current;
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
