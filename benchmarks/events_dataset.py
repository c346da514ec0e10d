"""Twenty million events of a million contacts, made by PostgreSQL itself beside the contacts of `dataset`.

Messages of two to four events each (sent, delivered, opened, answered), orders, calls, page views, over two years and
skewed: a few contacts have hundreds, many have some. One contact more has 50,000 of them. Every event of a message
is known by a key, as if it had come in over HTTP, and the sums of each contact are there.
"""

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

from benchmarks import dataset
from orbit_contacts.core.database import Connection, connect

BUSY = "00000000-0000-8000-8000-00000000b057"
BUSY_EVENTS = 50_000
_PORTION = 500_000

# $1 workspace, $2 first event, $3 behind the last one, $4 how many there are in all, $5 contacts (numbered in
# bench_people), $6 the one contact they belong to, or null.
_EVENTS = """
INSERT INTO events (workspace_id, cell_id, contact_id, occurred_at, id, recorded_at, type, channel, direction,
                    message_id, category, key, source, data, position, number)
SELECT $1::bigint, $1::bigint * 1024, coalesce($6::uuid, person.id), at, gen_random_uuid(), at, type, channel,
       CASE type WHEN 'message.sent' THEN 'outbound' WHEN 'message.delivered' THEN 'outbound'
                 WHEN 'message.received' THEN 'inbound' WHEN 'message.replied' THEN 'inbound' END,
       CASE WHEN type LIKE 'message.%' THEN 'm-' || coalesce(left($6::text, 4), '') || message END,
       CASE WHEN type = 'message.sent' THEN 'marketing' END,
       CASE WHEN type LIKE 'message.%' THEN hashint8extended(i, 7) END, 'api',
       CASE WHEN type = 'order.placed' THEN jsonb_build_object('value', h % 500, 'currency', 'EUR')
            ELSE jsonb_build_object('campaign', h % 40) END, 0, i
FROM (
    SELECT i, i / 4 AS message, (hashint8(i / 4) & 2147483647) AS h,
           (ARRAY['email', 'email', 'email', 'sms', 'whatsapp'])[(hashint8(i / 4) & 2147483647) / 16 % 5 + 1] AS channel,
           CASE i % 4 WHEN 0 THEN 'message.sent' WHEN 1 THEN 'message.delivered'
                      WHEN 2 THEN (ARRAY['message.opened', 'message.opened', 'page.viewed'])[(hashint8(i) & 2147483647) % 3 + 1]
                      ELSE (ARRAY['message.clicked', 'message.replied', 'page.viewed', 'page.viewed', 'page.viewed',
                                  'message.received', 'order.placed'])[(hashint8(i) & 2147483647) % 7 + 1] END AS type,
           -- A message begins somewhere in the two years; its events follow one another within a day or two.
           now() - interval '731 days' + (i / 4 * 4 / $4::float8) * interval '728 days'
               + ((hashint8(i / 4 + 17) & 2147483647) % 86400) * interval '1 second'
               + i % 4 * (60 + (hashint8(i) & 2147483647) % 50000) * interval '1 second' AS at,
           floor($5::float8 * power((hashint8(i / 4 * 7919) & 2147483647) / 2147483648.0, 1.7))::int AS whose
    FROM generate_series($2::bigint, $3::bigint - 1) AS i
) happened
LEFT JOIN bench_people person ON person.number = happened.whose
"""

_ONE_MORE = """
INSERT INTO contacts (workspace_id, cell_id, id, bucket, email, first_name, source, search_text, created_at, updated_at)
VALUES ($1::bigint, $1::bigint * 1024, $2::uuid, 0, 'busy@example.com', 'Busy', 'api', ' busy',
        now() - interval '800 days', now())
"""

_KEYS = """
INSERT INTO event_keys (workspace_id, cell_id, contact_id, key)
SELECT workspace_id, cell_id, contact_id, key FROM events WHERE cell_id = $1::bigint * 1024 AND key IS NOT NULL
"""

_SUMS = """
INSERT INTO contact_stats (workspace_id, cell_id, contact_id, messages_sent, messages_received, calls_started,
                           calls_ended, tickets_opened, tickets_closed, events, orders, order_value, last_order_at,
                           last_inbound_at, last_activity_at)
SELECT $1::bigint, $1::bigint * 1024, contact_id, count(*) FILTER (WHERE type = 'message.sent'),
       count(*) FILTER (WHERE type = 'message.received'), 0, 0, 0, 0,
       count(*) FILTER (WHERE type IN ('page.viewed', 'order.placed')),
       count(*) FILTER (WHERE type = 'order.placed'), 0,
       max(occurred_at) FILTER (WHERE type = 'order.placed'),
       max(occurred_at) FILTER (WHERE direction = 'inbound'), max(occurred_at)
FROM events WHERE cell_id = $1::bigint * 1024 AND type NOT LIKE 'contact.%' GROUP BY contact_id
"""

_CONSENT = """
INSERT INTO consent_states (workspace_id, cell_id, contact_id, opted_in, opted_out, opted_out_at, addresses, state)
SELECT $1::bigint, $1::bigint * 1024, id, ARRAY['email', 'sms', 'whatsapp'], '{}', NULL, '{}',
       jsonb_build_object('channels', jsonb_build_object('email', said, 'sms', said, 'whatsapp', said),
                          'suppressions', '[]'::jsonb, 'last', 1700000000000000)
FROM contacts, jsonb_build_object('status', 'opted_in', 'source', 'api', 'at', 1700000000000000, 'record', id) said
WHERE cell_id = $1::bigint * 1024
"""


@contextmanager
def database(contacts: int, events: int, *, keep: bool) -> Generator[str]:
    """The DSN of a loaded database; the contacts are a copy of those of the suite `contacts`."""
    with dataset.database(contacts, keep=keep) as dsn:
        yield asyncio.run(_prepare(dsn, contacts, events))


async def _prepare(contacts_dsn: str, contacts: int, events: int) -> str:
    template = urlsplit(contacts_dsn).path.lstrip("/")
    name = f"{template}_events_{events}"
    dsn = urlunsplit(urlsplit(contacts_dsn)._replace(path=f"/{name}"))
    admin = await connect(urlunsplit(urlsplit(contacts_dsn)._replace(path="/postgres")))
    try:
        if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await admin.execute(f'DROP DATABASE IF EXISTS "{name}_loading"')
            await admin.execute(f'CREATE DATABASE "{name}_loading" TEMPLATE "{template}" STRATEGY file_copy')
            await _fill(urlunsplit(urlsplit(contacts_dsn)._replace(path=f"/{name}_loading")), contacts, events)
            await admin.execute(f'ALTER DATABASE "{name}_loading" RENAME TO "{name}"')
        else:
            await dataset.migrate(dsn)
    finally:
        await admin.close()
    return dsn


async def _fill(dsn: str, contacts: int, events: int) -> None:
    """Rows go in without indexes, and in two sessions at a time: the rows of a table, or an index of each."""
    sessions = [await _session(dsn) for _ in range(2)]
    connection, other = sessions
    try:
        workspace: int = await connection.fetchval("SELECT min(id) FROM workspaces WHERE mode = 'live'")
        # Numbers in no order of time, so that busy people are of all ages.
        await connection.execute(
            f"""
            CREATE UNLOGGED TABLE bench_people AS
            SELECT row_number() OVER (ORDER BY md5(id::text))::int - 1 AS number, id
            FROM contacts WHERE cell_id = {workspace * 1024}
            """
        )
        await connection.execute("ANALYZE bench_people")
        of_events, of_keys = await _drop_indexes(connection, "events"), await _drop_indexes(connection, "event_keys")
        portions = iter(range(0, events, _PORTION))

        async def load(session: Connection) -> None:
            for first in portions:
                last = min(first + _PORTION, events)
                await session.execute(_EVENTS, workspace, first, last, float(events), float(contacts), None)

        with _timed(f"{events:,} events"):
            await asyncio.gather(*map(load, sessions))
            await connection.execute(_ONE_MORE, workspace, BUSY)
            await connection.execute(_EVENTS, workspace, 0, BUSY_EVENTS, float(BUSY_EVENTS), 1.0, BUSY)
            await connection.execute("DROP TABLE bench_people")

        async def work(session: Connection, *statements: str) -> None:
            for statement in statements:
                await session.execute(statement, *([workspace] if "$1" in statement else []))

        with _timed("their indexes, keys and sums"):
            await asyncio.gather(work(connection, *of_events), work(other, _CONSENT, _KEYS, *of_keys, _SUMS))
        with _timed("vacuum"):
            await asyncio.gather(
                work(connection, "VACUUM (ANALYZE) events"),
                work(other, "VACUUM (ANALYZE) event_keys, contact_stats, consent_states"),
            )
    finally:
        for session in sessions:
            await session.close()


async def _session(dsn: str) -> Connection:
    connection = await connect(dsn)
    await connection.execute(
        """
        SET statement_timeout = 0; SET lock_timeout = 0; SET synchronous_commit = off;
        SET maintenance_work_mem = '512MB'; SET max_parallel_maintenance_workers = 1
        """
    )
    return connection


async def _drop_indexes(connection: Connection, table: str) -> list[str]:
    """Drop the primary key and all indexes of a table; gives the statements that make them again, the key first."""
    rows = await connection.fetch(
        """
        SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS statement, c.conname AS key,
               pg_get_constraintdef(c.oid) AS definition
        FROM pg_index i LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype = 'p'
        WHERE i.indrelid = $1::text::regclass ORDER BY i.indisprimary DESC, name
        """,
        table,
    )
    made: list[str] = []
    for row in rows:
        if row["key"] is None:
            await connection.execute(f"DROP INDEX {row['name']}")
            made.append(row["statement"].replace(" ON ONLY ", " ON "))
        else:
            await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {row['key']}")
            made.append(f"ALTER TABLE {table} ADD CONSTRAINT {row['key']} {row['definition']}")
    return made


@contextmanager
def _timed(what: str) -> Generator[None]:
    started = time.perf_counter()
    yield
    print(f"loaded: {what} in {time.perf_counter() - started:.0f} s", flush=True)
