"""Which statements are seen to touch one tenant's rows, within a cell, and which are not."""

import pytest

from tests.sql_rules.cast import SCHEMA
from tests.sql_rules.lint import lint_statement

BOUND = {
    "a parameter": "SELECT * FROM contacts WHERE cell_id = $1 AND id = $2",
    "the parameter first": "SELECT * FROM contacts WHERE $1 = workspace_id",
    "a cast parameter": "SELECT * FROM contacts WHERE workspace_id = $1::bigint",
    "a sum of parameters": "SELECT * FROM contacts WHERE cell_id = $1 * 1024 + $2",
    "one of several cells": "SELECT * FROM contacts WHERE cell_id = any($1) ORDER BY id DESC LIMIT 26",
    "a list of parameters": "SELECT sum(live) FROM counts WHERE cell_id IN ($1, $2)",
    "a row of parameters": "SELECT * FROM contacts WHERE (cell_id, id) = ($1, $2)",
    "rows of parameters": "SELECT * FROM contacts WHERE (cell_id, id) IN (($1, $2), ($3, $4))",
    "both sides of OR": "SELECT * FROM contacts WHERE cell_id = $1 AND id = $2 OR cell_id = $3 AND id = $4",
    "a join": "SELECT * FROM contacts c JOIN events e ON e.cell_id = c.cell_id AND e.contact_id = c.id "
    "WHERE c.cell_id = $1",
    "a comma join": "SELECT * FROM contacts c, events e WHERE e.cell_id = c.cell_id AND c.workspace_id = $1",
    "JOIN USING": "SELECT * FROM identifiers JOIN events USING (cell_id, contact_id) WHERE workspace_id = $1",
    "the optional side of LEFT JOIN": "SELECT * FROM contacts c "
    "LEFT JOIN events e ON e.cell_id = c.cell_id AND e.contact_id = c.id WHERE c.workspace_id = $1",
    "the optional side of RIGHT JOIN": "SELECT * FROM events e "
    "RIGHT JOIN contacts c ON e.cell_id = c.cell_id AND e.contact_id = c.id WHERE c.workspace_id = $1",
    "tables of one workspace, one without cells": "SELECT * FROM lists l "
    "JOIN contacts c ON c.workspace_id = l.workspace_id WHERE l.workspace_id = $1",
    "IN of a bound subquery": "SELECT * FROM contacts WHERE (cell_id, id) IN "
    "(SELECT cell_id, contact_id FROM identifiers WHERE workspace_id = $1 AND value = $2)",
    "IN of a subquery of the same cell": "SELECT * FROM contacts c WHERE cell_id = $1 AND id IN "
    "(SELECT contact_id FROM events WHERE cell_id = $1 GROUP BY contact_id HAVING count(*) >= 3)",
    "EXISTS": "SELECT * FROM contacts c WHERE c.workspace_id = $1 AND NOT EXISTS "
    "(SELECT 1 FROM events e WHERE e.cell_id = c.cell_id AND e.contact_id = c.id)",
    "a bound scalar subquery": "SELECT * FROM lists WHERE workspace_id = "
    "(SELECT workspace_id FROM contacts WHERE cell_id = $1 AND id = $2)",
    "a shared table's key": "SELECT l.* FROM workspaces w JOIN lists l ON l.workspace_id = w.id WHERE w.id = $1",
    "columns of unnest": "SELECT * FROM contacts c "
    "JOIN unnest($1::bigint[], $2::uuid[]) AS u(cell, id) ON (c.cell_id, c.id) = (u.cell, u.id)",
    "a record of parameters": "SELECT * FROM contacts c "
    "JOIN jsonb_to_recordset($1) AS r(cell bigint, id uuid) ON c.cell_id = r.cell AND c.id = r.id",
    "one page a cell": "SELECT * FROM unnest($1::bigint[]) AS cells(cell_id) CROSS JOIN LATERAL "
    "(SELECT * FROM contacts c WHERE c.cell_id = cells.cell_id ORDER BY id DESC LIMIT 26) AS page LIMIT 26",
    "a bound CTE": "WITH mine AS (SELECT cell_id, id FROM contacts WHERE workspace_id = $1) "
    "SELECT e.* FROM mine JOIN events e ON e.cell_id = mine.cell_id AND e.contact_id = mine.id",
    "a renamed CTE": "WITH mine (cell, contact) AS "
    "(SELECT cell_id, id FROM contacts WHERE workspace_id = $1) "
    "SELECT e.* FROM mine JOIN events e ON e.cell_id = mine.cell AND e.contact_id = mine.contact",
    "a capped count": "SELECT count(*) FROM (SELECT 1 FROM contacts WHERE cell_id = $1 LIMIT 10001) AS capped",
    "both arms of UNION": "SELECT id FROM contacts WHERE cell_id = $1 UNION ALL "
    "SELECT contact_id FROM events WHERE cell_id = $1",
    "INSERT VALUES": "INSERT INTO contacts (workspace_id, cell_id, id) VALUES ($1, $2, $3), ($1, $2, $4)",
    "INSERT SELECT": "INSERT INTO identifiers (workspace_id, kind, value, cell_id, contact_id) "
    "SELECT $1, i.kind, i.value, $2, $3 FROM unnest($4::text[], $5::text[]) AS i(kind, value) "
    "ORDER BY 2, 3 ON CONFLICT DO NOTHING RETURNING kind, value",
    "INSERT of bound rows": "INSERT INTO events (workspace_id, cell_id, contact_id) "
    "SELECT workspace_id, cell_id, id FROM contacts WHERE cell_id = $1",
    "UPDATE": "UPDATE contacts SET tags = $3 WHERE cell_id = $1 AND id = $2 RETURNING *",
    "UPDATE FROM a temporary table": "UPDATE contacts c SET tags = r.tags FROM import_rows r "
    "WHERE c.workspace_id = $1 AND c.cell_id = r.cell_id AND c.id = r.id",
    "DELETE USING what was deleted": "WITH gone AS "
    "(DELETE FROM contacts WHERE cell_id = $1 AND id = any($2) RETURNING cell_id, id) "
    "DELETE FROM events e USING gone WHERE e.cell_id = gone.cell_id AND e.contact_id = gone.id",
    "folding": "WITH taken AS (DELETE FROM counts WHERE cell_id = $1 RETURNING *) "
    "INSERT INTO counts (workspace_id, cell_id, live) "
    "SELECT workspace_id, cell_id, sum(live) FROM taken GROUP BY 1, 2",
    "EXPLAIN": "EXPLAIN (FORMAT JSON) SELECT 1 FROM contacts WHERE workspace_id = $1",
    "COPY of a bound query": "COPY (SELECT * FROM contacts WHERE cell_id = $1) TO STDOUT",
    "a shared table": "SELECT * FROM workspaces",
    "the system's tables": "SELECT relname FROM pg_class JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace",
    "no table": "SELECT pg_advisory_xact_lock($1)",
}


@pytest.mark.parametrize("sql", BOUND.values(), ids=[*BOUND])
def test_bound_statement_passes(sql: str) -> None:
    assert lint_statement(sql, SCHEMA) == []


UNBOUND = {
    "nothing": "SELECT * FROM contacts",
    "the id alone": "SELECT * FROM contacts WHERE id = $1",
    "one side of OR": "SELECT * FROM contacts WHERE workspace_id = $1 OR id = $2",
    "a way around": "SELECT * FROM contacts WHERE $1::bigint IS NULL OR workspace_id = $1",
    "itself as default": "SELECT * FROM contacts WHERE workspace_id = coalesce($1, workspace_id)",
    "inequality": "SELECT * FROM contacts WHERE workspace_id <> $1",
    "all but": "SELECT * FROM contacts WHERE NOT workspace_id = $1",
    "NOT IN": "SELECT * FROM contacts WHERE (cell_id, id) NOT IN "
    "(SELECT cell_id, contact_id FROM events WHERE workspace_id = $1)",
    "a constant": "SELECT * FROM contacts WHERE workspace_id = 5",
    "a range": "SELECT * FROM contacts WHERE workspace_id BETWEEN $1 AND $2",
    "a column of its own": "SELECT * FROM contacts WHERE workspace_id = bucket",
    "the required side of LEFT JOIN": "SELECT * FROM contacts c LEFT JOIN workspaces w ON c.workspace_id = $1",
    "FULL JOIN": "SELECT * FROM lists l FULL JOIN workspaces w ON l.workspace_id = $1",
    "a later filter": "SELECT * FROM (SELECT * FROM contacts) c WHERE workspace_id = $1",
    "one arm of UNION": "SELECT id FROM lists WHERE workspace_id = $1 UNION ALL SELECT id FROM lists",
    "a subquery of its own": "SELECT (SELECT count(*) FROM lists) FROM contacts WHERE cell_id = $1",
    "a subquery of the RETURNING": "DELETE FROM lists WHERE workspace_id = $1 RETURNING (SELECT count(*) FROM lists)",
    "an unbound CTE": "WITH every AS (SELECT * FROM lists) SELECT 1 FROM every WHERE workspace_id = $1",
    "a temporary table alone": "SELECT * FROM contacts c JOIN import_rows r ON c.cell_id = r.cell_id",
    "DELETE": "DELETE FROM lists",
    "UPDATE": "UPDATE lists SET name = $1 WHERE id = $2",
    "what EXPLAIN reads": "EXPLAIN SELECT * FROM lists",
    "what COPY reads": "COPY (SELECT * FROM lists) TO STDOUT",
}


@pytest.mark.parametrize("sql", UNBOUND.values(), ids=[*UNBOUND])
def test_statement_over_several_tenants_is_found(sql: str) -> None:
    assert any("is not bound" in complaint for complaint in lint_statement(sql, SCHEMA))


APART = {
    "contact alone": "SELECT * FROM contacts c JOIN events e ON e.contact_id = c.id "
    "WHERE c.workspace_id = $1 AND e.workspace_id = $1",
    "any cell of many": "SELECT * FROM contacts c JOIN events e ON e.contact_id = c.id "
    "WHERE c.cell_id = any($1) AND e.cell_id = any($1)",
    "EXISTS": "SELECT * FROM contacts c WHERE c.workspace_id = $1 AND EXISTS "
    "(SELECT 1 FROM events e WHERE e.workspace_id = $1 AND e.contact_id = c.id)",
    "IN": "SELECT * FROM contacts WHERE workspace_id = $1 AND id IN "
    "(SELECT contact_id FROM events WHERE workspace_id = $1)",
    "a CTE": "WITH mine AS (SELECT cell_id, id FROM contacts WHERE workspace_id = $1) "
    "SELECT 1 FROM mine JOIN events e ON e.contact_id = mine.id WHERE e.workspace_id = $1",
    "DELETE USING": "DELETE FROM events e USING contacts c "
    "WHERE e.workspace_id = $1 AND c.workspace_id = $1 AND e.contact_id = c.id",
}


@pytest.mark.parametrize("sql", APART.values(), ids=[*APART])
def test_join_across_cells_is_found(sql: str) -> None:
    assert any("joined without cell_id" in complaint for complaint in lint_statement(sql, SCHEMA))


INSERTED = {
    "INSERT INTO contacts (workspace_id, id) VALUES ($1, $2)": "INSERT INTO contacts does not give cell_id",
    "INSERT INTO lists (workspace_id, id) VALUES (7, $1)": ("INSERT INTO lists takes workspace_id from no parameter"),
    "INSERT INTO lists (workspace_id, id) VALUES ($1, $2), (DEFAULT, $3)": (
        "INSERT INTO lists takes workspace_id from no parameter"
    ),
    "INSERT INTO lists (workspace_id, id) SELECT workspace_id, id FROM import_rows": (
        "INSERT INTO lists takes workspace_id from no parameter"
    ),
    "INSERT INTO lists SELECT $1, $2, $3": "INSERT INTO lists does not give workspace_id",
    "INSERT INTO lists DEFAULT VALUES": "INSERT INTO lists does not give workspace_id",
}


@pytest.mark.parametrize(("sql", "complaint"), INSERTED.items())
def test_insert_without_its_tenant_is_found(sql: str, complaint: str) -> None:
    assert lint_statement(sql, SCHEMA) == [complaint]


def test_name_means_the_innermost_table() -> None:
    """`id` in the subquery is the list's, `id` before IN the contact's."""
    sql = "SELECT * FROM contacts WHERE cell_id = $1 AND id IN (SELECT id FROM lists WHERE workspace_id = $2)"
    assert lint_statement(sql, SCHEMA) == []
