"""One workspace of a million contacts among fifty small ones, made by PostgreSQL itself from fixed name lists.

200,000 of the large workspace's rows come from two bulk imports, each with one mail domain: 30,000 at the
beginning of the time order and 170,000 at its end, where they hurt a newest-first walk most.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from orbit_contacts.core import migrations
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import connect
from orbit_contacts.core.embedded import EmbeddedPostgres
from orbit_contacts.features.workspaces import queries as workspace_queries
from orbit_contacts.features.workspaces import service as workspaces

LARGE_KEY = "dv_live_sk_benchmarkbenchmarkbenchmark00"
SMALL_WORKSPACES = 50
SMALL_CONTACTS = 2_000

GIVEN = (
    "James Mary John Patricia Robert Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph "
    "Jessica Thomas Sarah Charles Karen Maria Ayşe Mehmet Fatma Mustafa Zeynep Anna Lukas Sophie Marie Jürgen Inès "
    "Léa Hugo Chloé José Carmen Antonio Lucía João Beatriz Priya Arjun Ananya Rahul Wei Fang Min Jun Yuki Haruto "
    "Sakura Женя Ольга Иван Ahmed Fatima Omar Layla Kwame Ama Chidi Ngozi Liam Olivia Noah Emma Jane Grace"
).split()
FAMILY = (
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson "
    "Anderson Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Yılmaz "
    "Kaya Demir Çelik Şahin Müller Schmidt Schneider Fischer Weber Dubois Lefèvre Moreau Silva Santos Oliveira Souza "
    "Sharma Patel Singh Kumar Wang Li Zhang Chen Tanaka Suzuki Sato Иванова Петров Hassan Ali Mensah Okafor Doe Kirby"
).split()

_LOAD = """
WITH rows AS (
    SELECT n,
           ($4::bigint + n::bigint * $5::bigint / 1000 * 1000) AS at_us,
           abs(hashint8(n * 7919 + $1)) AS h1, abs(hashint8(n * 104729 + $1)) AS h2, abs(hashint8(n * 1299709 + $1)) AS h3
    FROM generate_series(0::bigint, $3::bigint - 1) AS n
), people AS (
    SELECT *, ($6::text[])[1 + h1 % array_length($6::text[], 1)] AS first_name,
           ($7::text[])[1 + h2 % array_length($7::text[], 1)] AS last_name,
           (ARRAY['US','US','US','US','TR','DE','FR','BR','IN','GB','ES','JP'])[1 + h3 % 12] AS country_code,
           CASE WHEN h1 % 2000 = 0 THEN 'evangelist'
                ELSE (ARRAY['lead','lead','lead','lead','lead','customer','customer','churned','trial','partner'])[1 + h2 % 10]
           END AS lifecycle_stage,
           CASE WHEN $3 > 500000 AND n < 30000 THEN 'legacy-import.example'
                WHEN $3 > 500000 AND n >= $3 - 170000 THEN 'bulk2023.example'
                ELSE (ARRAY['gmail.example','mail.example','example.com','firma.example'])[1 + h1 % 4] END AS domain
    FROM rows
), made AS (
    SELECT *, encode(decode(lpad(to_hex(at_us / 1000), 12, '0'), 'hex'), 'hex')
              || '8000' || '8' || lpad(to_hex(n), 15, '0') AS id_hex,
           CASE WHEN h3 % 100 < 12 THEN NULL ELSE '+1' || (2000000000 + n)::text END AS phone,
           lower(first_name || '.' || last_name) || n || '@' || domain AS email
    FROM people
), contacts_made AS (
    INSERT INTO contacts (workspace_id, cell_id, id, bucket, phone, email, first_name, last_name, country_code,
                          lifecycle_stage, tags, metadata, source, search_text, created_at, updated_at, company,
                          language)
    SELECT $1, $1 * 1024, id_hex::uuid, (n / 8192)::int, phone, email, first_name, last_name, country_code, lifecycle_stage,
           CASE WHEN h2 % 30 = 0 THEN ARRAY['vip'] WHEN h2 % 330 = 1 THEN ARRAY['campaign'] WHEN h2 % 5 = 2
                THEN ARRAY['newsletter','enterprise'] ELSE '{}' END,
           jsonb_build_object('plan', (ARRAY['free','free','free','pro','pro','business'])[1 + h3 % 6], 'score', h1 % 100),
           'import',
           ' ' || lower($8::text) || translate(lower(first_name || ' ' || last_name), 'ışçöüéèãêğí', 'iscoueeaegi')
               || ' ' || email || coalesce(' ' || ltrim(phone, '+'), ''),
           to_timestamp(at_us / 1e6), to_timestamp(at_us / 1e6), NULL, CASE WHEN h1 % 500 = 0 THEN 'tr' ELSE 'en' END
    FROM made
    RETURNING id, phone, email, lifecycle_stage, country_code, created_at
), claimed AS (
    INSERT INTO contact_identifiers (workspace_id, kind, value, cell_id, contact_id)
    SELECT $1, kind, value, $1 * 1024, id
    FROM contacts_made, LATERAL (VALUES ('phone', phone), ('email', email)) AS held (kind, value)
    WHERE value IS NOT NULL
), happened AS (
    INSERT INTO events (workspace_id, cell_id, contact_id, occurred_at, id, recorded_at, type, data)
    SELECT $1, $1 * 1024, id, to_timestamp($4 / 1e6), id, created_at, 'contact.created', '{}'
    FROM contacts_made WHERE $2
)
INSERT INTO contact_counts (workspace_id, cell_id, lifecycle_stage, country_code, live, ever)
SELECT $1, $1 * 1024, lifecycle_stage, country_code, count(*), count(*) FROM contacts_made
GROUP BY lifecycle_stage, country_code
"""

# 2024-01-01, and about half a minute between two contacts.
_START = 1_704_067_200_000_000
_STEP = 80_000_000


@contextmanager
def database(contacts: int, *, keep: bool) -> Generator[str]:
    """The DSN of a loaded database."""
    with server(keep=keep) as url:
        yield loaded(url, contacts)


def loaded(server: str, contacts: int) -> str:
    """The DSN of a database of contacts on a server, loaded unless it is there."""
    return asyncio.run(prepare(server, f"orbit_bench_{contacts}", lambda dsn: fill(dsn, contacts)))


@contextmanager
def server(*, keep: bool) -> Generator[str]:
    """The URL of PostgreSQL: `ORBIT_BENCH_DATABASE_URL`, else an embedded server of its own, kept if asked."""
    if given := os.environ.get("ORBIT_BENCH_DATABASE_URL"):
        yield given
        return
    kept = Path(tempfile.gettempdir()) / "orbit-bench"
    with tempfile.TemporaryDirectory(prefix="orbit-bench-", ignore_cleanup_errors=True) as folder:
        embedded = EmbeddedPostgres(kept if keep else Path(folder) / "data")
        try:
            yield embedded.start()
        finally:
            embedded.stop()


async def prepare(server: str, name: str, fill: Callable[[str], Awaitable[None]]) -> str:
    """The DSN of database `name`, made and filled unless it is there."""
    dsn = urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    admin = await connect(server)
    try:
        if await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await migrate(dsn)
            return dsn
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}_loading"')
        await admin.execute(f'CREATE DATABASE "{name}_loading"')
        await fill(urlunsplit(urlsplit(server)._replace(path=f"/{name}_loading")))
        await admin.execute(f'ALTER DATABASE "{name}_loading" RENAME TO "{name}"')
    finally:
        await admin.close()
    return dsn


async def large_caller(dsn: str) -> Caller:
    """Whoever holds the key of the large workspace."""
    connection = await connect(dsn)
    row = await workspace_queries.key_by_hash(connection, workspaces.hash_key(LARGE_KEY))
    await connection.close()
    assert row is not None
    return workspaces.caller_of_key(row)


async def copy(server: str, template: str, name: str) -> None:
    """Make database `name` like that of the DSN `template`."""
    await drop(server, name)
    source = urlsplit(template).path.lstrip("/")
    admin = await connect(server)
    try:
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{source}" STRATEGY FILE_COPY')
    finally:
        await admin.close()


async def drop(server: str, name: str) -> None:
    admin = await connect(server)
    try:
        for _ in range(20):
            try:
                await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
                return
            except asyncpg.InsufficientPrivilegeError:
                # A vacuum of the server's own is at work there, which only the server may end.
                await asyncio.sleep(1)
    finally:
        await admin.close()


async def migrate(dsn: str) -> None:
    """Bring data that an earlier version loaded up to this one."""
    connection = await connect(dsn)
    try:
        await migrations.migrate(connection)
    finally:
        await connection.close()


async def fill(dsn: str, contacts: int) -> None:
    connection = await connect(dsn)
    try:
        await migrations.migrate(connection)
        await workspaces.bootstrap(connection, LARGE_KEY)
        large: int = await connection.fetchval("SELECT min(id) FROM workspaces WHERE mode = 'live'")
        await connection.execute("SET gin_pending_list_limit = '64MB'")
        async with _indexes_made_afterwards(connection):
            await load(connection, large, contacts)
        for _ in range(SMALL_WORKSPACES):
            made = await workspaces.create_organization(connection, "small")
            await load(connection, made["live"], SMALL_CONTACTS)
        await connection.execute("SELECT gin_clean_pending_list('contacts_search')")
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()


@asynccontextmanager
async def _indexes_made_afterwards(connection: asyncpg.Connection) -> AsyncGenerator[None]:
    """Indexes of contacts that no constraint needs are dropped and made again: a third of the time."""
    made = await connection.fetch(
        """
        SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
        WHERE indrelid IN ('contacts'::regclass, 'contact_identifiers'::regclass) AND NOT indisunique
        """
    )
    for index in made:
        await connection.execute(f"DROP INDEX {index['name']}")
    yield
    await connection.execute("SET maintenance_work_mem = '512MB'")
    for index in made:
        await connection.execute(index["definition"])


async def load(connection: asyncpg.Connection, workspace: int, contacts: int) -> None:
    await connection.execute("SET statement_timeout = 0")
    await connection.execute(_LOAD, workspace, True, contacts, _START, _STEP, GIVEN, FAMILY, "")
