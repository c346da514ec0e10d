"""The product's own schema, after all migrations, and the job queue beside it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import orbit_contacts
from orbit_contacts.core.database import Connection, connect
from orbit_contacts.core.jobs import install_queue
from tests.sql_rules.catalogue import load_schema, violations
from tests.sql_rules.lint import lint_statement
from tests.sql_rules.product import LAYOUT
from tests.sql_rules.source import literal_statements


@pytest.fixture
async def migrated(dsn: str) -> AsyncIterator[Connection]:
    connection = await connect(dsn)
    await install_queue(connection)
    yield connection
    await connection.close()


async def test_tables_keep_the_rules(migrated: Connection) -> None:
    assert await violations(migrated, LAYOUT) == []


async def test_schema_for_the_lint_knows_the_tables_and_their_tenants(migrated: Connection) -> None:
    schema = await load_schema(migrated, LAYOUT)
    assert schema.tenant_columns("contacts") == {"workspace_id", "cell_id"}
    assert schema.tenant_columns("workspaces") == frozenset()
    assert {"random", "nextval", "clock_timestamp"} <= schema.volatile
    assert "now" not in schema.volatile


async def test_statements_that_stand_in_the_source_keep_the_rules(migrated: Connection) -> None:
    schema = await load_schema(migrated, LAYOUT)
    statements = list(literal_statements(Path(orbit_contacts.__file__).parent))
    assert len(statements) > 20
    complaints = {place: found for place, sql in statements if (found := lint_statement(sql, schema))}
    assert complaints == {}
