"""Each rule for tables, broken by one table in a schema that keeps the others."""

import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import pytest

from orbit_contacts.core.database import Connection, connect
from tests.conftest import drop_database
from tests.sql_rules.catalogue import Layout, load_schema, violations

LAYOUT = Layout(
    shared=frozenset({"workspaces"}),
    by_workspace=frozenset({"identifiers"}),
    keyless=frozenset({"counts"}),
    queue=frozenset({"queue"}),
)
GOOD = """
CREATE TABLE workspaces (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, created_at timestamptz DEFAULT now());
CREATE TABLE contacts (
    workspace_id bigint NOT NULL REFERENCES workspaces (id), cell_id bigint, id uuid,
    tags text[] NOT NULL DEFAULT '{}', name text, name_length int GENERATED ALWAYS AS (length(name)) STORED,
    PRIMARY KEY (cell_id, id));
CREATE TABLE notes (
    workspace_id bigint, cell_id bigint, contact_id uuid, id uuid, PRIMARY KEY (cell_id, contact_id, id),
    FOREIGN KEY (cell_id, contact_id) REFERENCES contacts (cell_id, id));
CREATE TABLE identifiers (
    workspace_id bigint, value text, cell_id bigint, contact_id uuid, PRIMARY KEY (workspace_id, value));
CREATE TABLE counts (workspace_id bigint, cell_id bigint, live int);
CREATE TABLE events (
    workspace_id bigint, cell_id bigint, at timestamptz, id uuid, PRIMARY KEY (cell_id, at, id))
    PARTITION BY RANGE (at);
CREATE TABLE events_default PARTITION OF events DEFAULT;
CREATE TABLE queue (id bigint PRIMARY KEY);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER changed AFTER INSERT ON queue EXECUTE FUNCTION tell();
"""


@pytest.fixture(scope="module")
async def empty_database(postgres: str) -> AsyncIterator[str]:
    """The DSN of a database with nothing in it."""
    name = f"test_{secrets.token_hex(6)}"
    server = await connect(postgres)
    await server.execute(f'CREATE DATABASE "{name}"')
    yield urlunsplit(urlsplit(postgres)._replace(path=f"/{name}"))
    await server.close()
    await drop_database(postgres, name)


@pytest.fixture
async def connection(empty_database: str) -> AsyncIterator[Connection]:
    """A schema that keeps every rule, undone after the test."""
    connection = await connect(empty_database)
    await connection.execute("BEGIN")
    await connection.execute(GOOD)
    yield connection
    await connection.close()


async def test_tables_that_keep_the_rules_have_no_violations(connection: Connection) -> None:
    assert await violations(connection, LAYOUT) == []


BROKEN = {
    "CREATE TABLE loose (id uuid PRIMARY KEY)": (
        "loose has neither workspace_id nor cell_id and is not declared as shared"
    ),
    "CREATE TABLE heap (workspace_id bigint, cell_id bigint)": "heap has no primary key",
    "CREATE TABLE wrong (workspace_id bigint, cell_id bigint, id uuid, PRIMARY KEY (id, cell_id))": (
        "wrong: the primary key begins with id, not with cell_id"
    ),
    "CREATE TABLE wide (workspace_id bigint, id uuid, PRIMARY KEY (id))": (
        "wide: the primary key begins with id, not with workspace_id"
    ),
    "CREATE UNIQUE INDEX one_name ON contacts (workspace_id, name)": (
        "contacts: unique index one_name does not contain cell_id"
    ),
    """CREATE TABLE children (workspace_id bigint, cell_id bigint, id uuid, parent_cell bigint, parent uuid,
                              PRIMARY KEY (cell_id, id),
                              CONSTRAINT fk FOREIGN KEY (parent_cell, parent)
                              REFERENCES contacts (cell_id, id))""": (
        "children > contacts (fk): cell_id and cell_id do not stand at one place of the key"
    ),
    """ALTER TABLE notes ADD CONSTRAINT twin FOREIGN KEY (cell_id, contact_id, id)
       REFERENCES notes (cell_id, contact_id, id)""": ("notes > notes (twin): a table does not refer to itself"),
    """ALTER TABLE queue ADD COLUMN workspace bigint
       CONSTRAINT owner REFERENCES workspaces (id)""": (
        "queue > workspaces (owner): the job queue has no foreign keys"
    ),
    """ALTER TABLE workspaces ADD COLUMN cell bigint, ADD COLUMN owner uuid,
       ADD CONSTRAINT owner FOREIGN KEY (cell, owner) REFERENCES contacts (cell_id, id)""": (
        "workspaces > contacts (owner): a shared table does not refer to a tenant's"
    ),
    "CREATE TRIGGER touched BEFORE UPDATE ON contacts EXECUTE FUNCTION tell()": ("contacts has a trigger: touched"),
    "CREATE RULE quiet AS ON DELETE TO contacts DO INSTEAD NOTHING": "contacts has a rule: quiet",
    "CREATE TABLE vips (PRIMARY KEY (cell_id, id)) INHERITS (contacts)": "vips inherits from contacts",
    "CREATE TABLE events_old PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2021-01-01') "
    "PARTITION BY RANGE (at)": "events_old is a partition that is divided again",
    "CREATE TABLE spread (workspace_id bigint, cell_id bigint PRIMARY KEY) PARTITION BY HASH (cell_id)": (
        "spread is not partitioned by ranges of one time column"
    ),
    "CREATE TABLE ranged (workspace_id bigint, cell_id bigint PRIMARY KEY) PARTITION BY RANGE (cell_id)": (
        "ranged is not partitioned by ranges of one time column"
    ),
    "ALTER TABLE contacts ADD COLUMN created_at timestamptz DEFAULT now()": (
        "contacts.created_at has a default that calls now()"
    ),
    "ALTER TABLE contacts ADD COLUMN born date DEFAULT CURRENT_DATE": (
        "contacts.born has a default that calls current_date()"
    ),
    "ALTER TABLE contacts ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY": ("contacts.number numbers itself"),
    "DROP TABLE counts": "counts is declared, but there is no such table",
}


@pytest.mark.parametrize(("change", "complaint"), BROKEN.items(), ids=[*BROKEN.values()])
async def test_change_that_breaks_a_rule_is_found(connection: Connection, change: str, complaint: str) -> None:
    await connection.execute(change)
    assert complaint in await violations(connection, LAYOUT)


async def test_foreign_key_between_a_cell_and_a_workspace_table_is_found(connection: Connection) -> None:
    await connection.execute(
        """ALTER TABLE notes ADD COLUMN value text,
           ADD CONSTRAINT fk FOREIGN KEY (workspace_id, value) REFERENCES identifiers (workspace_id, value)"""
    )
    assert any(entry.startswith("notes > identifiers (fk)") for entry in await violations(connection, LAYOUT))


async def test_schema_holds_columns_and_the_functions_that_are_volatile_here(connection: Connection) -> None:
    await connection.execute("CREATE FUNCTION dice() RETURNS int VOLATILE LANGUAGE sql AS 'SELECT 4'")
    schema = await load_schema(connection, LAYOUT)
    assert schema.columns["counts"] == {"workspace_id", "cell_id", "live"}
    assert schema.shared == {"workspaces", "queue"}
    assert "dice" in schema.volatile
