"""A directory to measure on: one workspace of contacts with their events, made inside PostgreSQL.

Skewed as real ones are: few countries hold most people, some types of event are common and some rare, and
some people have hundreds of events while many have none. Ids are time-ordered, two years of contacts, one
year of events; a hundred thousandth of a second of work a row, so a million contacts take half a minute.
"""

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from benchmarks.dataset import LARGE_KEY, prepare, server
from orbit_contacts.core import migrations
from orbit_contacts.core.database import Connection, connect
from orbit_contacts.features.workspaces import service as workspaces

# Microseconds are not needed to order ids: their first 48 bits are milliseconds, version 8, cell 0.
_CONTACTS = """
INSERT INTO contacts (workspace_id, cell_id, id, bucket, phone, email, external_id, first_name, last_name, company,
                      country_code, timezone, language, lifecycle_stage, tags, metadata, custom_fields, blocked_at, source,
                      search_text, created_at, updated_at)
SELECT $1::bigint, $1::bigint * 1024,
       (lpad(to_hex((extract(epoch FROM made) * 1000)::bigint), 12, '0') || '80' || '0' || '0'
        || 'a' || substr(md5(i::text), 1, 15))::uuid,
       i / 8192, phone, email, 'ext-' || i, first_name, last_name, company, country, timezone, language, stage,
       array_remove(ARRAY[
           CASE WHEN hash % 100 < 3 THEN 'vip' END,
           CASE WHEN hash % 1000 < 3 THEN 'campaign' END,
           CASE WHEN hash % 23 = 0 THEN 'enterprise' END,
           CASE WHEN hash % 3 = 0 THEN 'newsletter' END], NULL),
       jsonb_build_object('plan', (ARRAY['free', 'free', 'pro', 'team', 'free'])[hash % 5 + 1],
                          'score', hash % 101,
                          'ltv', round((power(hash % 10007 / 10007.0, 4) * 1000)::numeric, 2),
                          'address', jsonb_build_object('city', 'City ' || hash % 500, 'zip', hash % 99999),
                          'beta', hash % 50 = 0),
       jsonb_build_object('seats', hash % 250, 'region', (ARRAY['north', 'south', 'east', 'west'])[hash % 4 + 1]),
       CASE WHEN hash % 200 = 0 THEN made + interval '1 day' END,
       (ARRAY['api', 'import', 'sdk'])[hash % 3 + 1],
       lower(' ' || first_name || ' ' || last_name || ' ' || company || ' ' || email || ' ' || substr(phone, 2)),
       made, made + (hash % 1000) * interval '1 hour'
FROM (
    SELECT i, hash, now() - interval '730 days' + (i::float8 / $3::float8) * interval '730 days' AS made,
           '+1415' || lpad(i::text, 7, '0') AS phone,
           'user' || i || '@' || (ARRAY['gmail.com', 'example.com', 'mail.test', 'acme.test'])[hash % 4 + 1] AS email,
           (ARRAY['Jane', 'John', 'Maria', 'Ayşe', 'Mehmet', 'Ivan', 'Inès', 'Lukas'])[hash % 8 + 1] || (hash % 300)
               AS first_name,
           (ARRAY['Doe', 'Smith', 'García', 'Yılmaz', 'Öztürk', 'Ivanov', 'Martin', 'Weber'])[hash / 8 % 8 + 1]
               || (hash / 7 % 300) AS last_name,
           'Company ' || hash % 20000 AS company,
           (ARRAY['US', 'US', 'US', 'US', 'TR', 'GB', 'DE', 'BR', 'FR', 'IN'])[hash / 64 % 10 + 1] AS country,
           (ARRAY['Europe/Istanbul', 'America/New_York', 'Europe/Berlin', NULL])[hash / 5 % 4 + 1] AS timezone,
           (ARRAY['en', 'tr', 'de', NULL])[hash / 9 % 4 + 1] AS language,
           (ARRAY['lead', 'lead', 'customer', 'churned', NULL])[hash / 11 % 5 + 1] AS stage
    FROM (SELECT i, abs(hashint4(i)) AS hash FROM generate_series($2::int, $4::int - 1) i) numbered
) person
"""

_EVENTS = """
INSERT INTO events (workspace_id, cell_id, contact_id, occurred_at, id, recorded_at, type, channel, direction, data,
                    position, number)
SELECT $1::bigint, $1::bigint * 1024, person.id, at, gen_random_uuid(), at,
       (ARRAY['message.sent', 'message.sent', 'message.sent', 'message.delivered', 'message.delivered',
              'message.delivered', 'message.opened', 'message.opened', 'message.clicked', 'page.viewed',
              'message.replied', 'order.placed'])[hash % 12 + 1],
       (ARRAY['email', 'email', 'email', 'sms', 'whatsapp'])[hash / 16 % 5 + 1],
       'outbound', jsonb_build_object('campaign', hash % 40, 'value', hash % 500), 0, i
FROM (
    SELECT i, abs(hashint4(i)) AS hash, now() - interval '365 days' + (i::float8 / $3::float8) * interval '365 days' AS at,
           -- The square makes a few busy people and many quiet ones.
           floor($5::float8 * power(abs(hashint8(i * 7919::bigint)) / 2147483648.0, 2))::int AS whose
    FROM generate_series($2::int, $4::int - 1) i
) happened
JOIN bench_people person ON person.number = happened.whose
"""


LIST_ID = "018f0000-0000-8000-8000-000000000001"

# The sums of each contact's events, a list of every tenth contact, and the consent of every third.
_MORE = (
    """
    INSERT INTO contact_stats (workspace_id, cell_id, contact_id, messages_sent, messages_received, calls_started,
                               calls_ended, tickets_opened, tickets_closed, events, orders, order_value,
                               last_activity_at)
    SELECT $1::bigint, $1::bigint * 1024, contact_id, count(*), 0, 0, 0, 0, 0, 0, 0, 0, max(occurred_at)
    FROM events WHERE cell_id = $1::bigint * 1024 GROUP BY contact_id
    """,
    f"""
    WITH made AS (
        INSERT INTO lists (workspace_id, id, name, name_key, created_at, updated_at)
        VALUES ($1::bigint, '{LIST_ID}', 'Tenth', 'tenth', now(), now()) RETURNING id
    )
    INSERT INTO list_members (workspace_id, cell_id, list_id, contact_id, added_at)
    SELECT $1::bigint, $1::bigint * 1024, made.id, c.id, now()
    FROM made, contacts c WHERE c.cell_id = $1::bigint * 1024 AND hashtext(c.external_id) % 10 = 0
    """,
    """
    INSERT INTO consent_states (workspace_id, cell_id, contact_id, opted_in, opted_out, opted_out_at, addresses, state)
    SELECT $1::bigint, $1::bigint * 1024, c.id, ARRAY['sms'], ARRAY['email'], c.created_at, '{}',
           jsonb_build_object('last', (extract(epoch FROM c.created_at) * 1000000)::bigint, 'suppressions', '[]'::jsonb,
               'channels', jsonb_build_object(
                   'sms', jsonb_build_object('status', 'opted_in', 'source', 'web_form', 'record', c.id,
                                             'at', (extract(epoch FROM c.created_at) * 1000000)::bigint),
                   'email', jsonb_build_object('status', 'opted_out', 'source', 'preferences', 'record', c.id,
                                               'at', (extract(epoch FROM c.created_at) * 1000000)::bigint)))
    FROM contacts c WHERE c.cell_id = $1::bigint * 1024 AND hashtext(c.external_id) % 3 = 0
    """,
    """
    INSERT INTO contact_identifiers (workspace_id, kind, value, cell_id, contact_id)
    SELECT $1::bigint, kind, value, c.cell_id, c.id
    FROM contacts c, LATERAL (VALUES ('phone', c.phone), ('email', c.email), ('external_id', c.external_id))
      AS held (kind, value)
    WHERE c.cell_id = $1::bigint * 1024 AND value IS NOT NULL ORDER BY kind, value
    """,
    # Of addresses that nobody holds.
    """
    INSERT INTO suppressions (workspace_id, address_hash, scope, id, kind, lifted, source, record_id, created_by,
                              created_at)
    SELECT $1::bigint, decode(md5(c.id::text), 'hex'), 'all', c.id, 'phone', '{}', 'keyword', c.id, 'key', now()
    FROM contacts c WHERE c.cell_id = $1::bigint * 1024 AND hashtext(c.external_id) % 50 = 0
    """,
)


@contextmanager
def database(contacts: int, events: int, *, keep: bool) -> Generator[str]:
    """The DSN of a filled database, whose large workspace `LARGE_KEY` opens."""
    with server(keep=keep) as url:
        name = f"orbit_bench_directory_{contacts}_{events}"
        yield asyncio.run(prepare(url, name, lambda dsn: _make(dsn, contacts, events)))


async def _make(dsn: str, contacts: int, events: int) -> None:
    connection = await connect(dsn)
    try:
        await migrations.migrate(connection)
        await workspaces.bootstrap(connection, LARGE_KEY)
        large: int = await connection.fetchval("SELECT min(id) FROM workspaces WHERE mode = 'live'")
        seconds = await fill(connection, large, contacts=contacts, events=events)
    finally:
        await connection.close()
    print(f"{contacts:,} contacts and {events:,} events in {seconds:.0f} s", flush=True)


async def fill(connection: Connection, workspace_id: int, *, contacts: int, events: int) -> float:
    """Fill a workspace that has no contacts yet; gives the seconds it took. Indexes are made after the rows."""
    started = time.perf_counter()
    await connection.execute("SET statement_timeout = 0")
    await connection.execute("SET maintenance_work_mem = '512MB'; SET synchronous_commit = off")
    with_indexes = await _drop_indexes(connection, "contacts")
    for first in range(0, contacts, 100_000):
        last = min(first + 100_000, contacts)
        await connection.execute(_CONTACTS, workspace_id, first, float(contacts), last)
    await connection.execute(
        """
        INSERT INTO contact_counts (workspace_id, cell_id, lifecycle_stage, country_code, live, ever)
        SELECT workspace_id, cell_id, lifecycle_stage, country_code, count(*), count(*) FROM contacts
        WHERE workspace_id = $1 GROUP BY 1, 2, 3, 4
        """,
        workspace_id,
    )
    await _make_indexes(connection, with_indexes)
    # Numbers in no order of time, so that busy people are spread over all ages.
    await connection.execute(
        f"""
        CREATE TEMP TABLE bench_people AS
        SELECT row_number() OVER (ORDER BY md5(id::text))::int - 1 AS number, id FROM contacts WHERE workspace_id = {workspace_id:d}
        """
    )
    await connection.execute("ANALYZE bench_people")
    event_indexes = await _drop_indexes(connection, "events")
    for first in range(0, events, 500_000):
        last = min(first + 500_000, events)
        await connection.execute(_EVENTS, workspace_id, first, float(events), last, float(contacts))
    await connection.execute("DROP TABLE bench_people")
    await _make_indexes(connection, event_indexes)
    for statement in _MORE:
        await connection.execute(statement, workspace_id)
    for table in (
        "contacts",
        "contact_identifiers",
        "events",
        "contact_counts",
        "contact_stats",
        "list_members",
        "consent_states",
        "suppressions",
    ):
        await connection.execute(f"VACUUM ANALYZE {table}")
    return time.perf_counter() - started


async def _drop_indexes(connection: Connection, table: str) -> list[str]:
    """Drop the secondary indexes of a table; gives the statements that make them again."""
    rows: list[Any] = await connection.fetch(
        """
        SELECT x.indexrelid::regclass::text AS name, pg_get_indexdef(x.indexrelid) AS statement
        FROM pg_index x WHERE x.indrelid = $1::regclass AND NOT x.indisprimary AND NOT x.indisunique
        """,
        table,
    )
    for row in rows:
        await connection.execute(f"DROP INDEX {row['name']}")
    return [row["statement"].replace(" ON ONLY ", " ON ") for row in rows]


async def _make_indexes(connection: Connection, statements: list[str]) -> None:
    for statement in statements:
        await connection.execute(statement)
