"""What the lint refuses wherever it stands, what it waives, and what it says of a whole run."""

import pytest

from tests.sql_rules.cast import SCHEMA
from tests.sql_rules.lint import check_executed, lint_statement

INSERT = "INSERT INTO contacts (workspace_id, cell_id, id, tags) VALUES ($1, $2, $3, $4) ON CONFLICT (cell_id, id) "

REFUSED = {
    "MERGE INTO contacts c USING import_rows r ON c.id = r.id WHEN MATCHED THEN DELETE": "MERGE",
    "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT * FROM n": "WITH RECURSIVE",
    "SELECT tags, count(*) FROM contacts WHERE cell_id = $1 GROUP BY ROLLUP (tags)": "GROUPING SETS",
    "SELECT tags, count(*) FROM contacts WHERE cell_id = $1 GROUP BY CUBE (tags)": "GROUPING SETS",
    "SELECT tags FROM contacts WHERE cell_id = $1 GROUP BY GROUPING SETS ((tags), ())": "GROUPING SETS",
    "SELECT * FROM contacts WHERE cell_id = $1 LIMIT 25 OFFSET $2": "OFFSET",
    "SELECT * FROM (SELECT * FROM contacts WHERE cell_id = $1) c OFFSET 1": "OFFSET",
    INSERT + "DO UPDATE SET deleted_at = now()": "ON CONFLICT DO UPDATE SET deleted_at",
    INSERT + "DO UPDATE SET deleted_at = CURRENT_TIMESTAMP": "ON CONFLICT DO UPDATE SET deleted_at",
    INSERT + "DO UPDATE SET bucket = contacts.bucket + 1": "ON CONFLICT DO UPDATE SET bucket",
    INSERT + "DO UPDATE SET tags = contacts.tags": "ON CONFLICT DO UPDATE SET tags",
    INSERT + "DO UPDATE SET (email, tags) = (excluded.email, upper('x'))": "ON CONFLICT DO UPDATE SET tags",
    INSERT + "DO UPDATE SET tags = excluded.tags WHERE contacts.deleted_at < now()": (
        "ON CONFLICT DO UPDATE … WHERE calls a function"
    ),
    "UPDATE contacts SET id = gen_random_uuid() WHERE cell_id = $1": "UPDATE calls gen_random_uuid()",
    "UPDATE contacts SET tags = $2 WHERE cell_id = $1 AND random() < 0.5": "UPDATE calls random()",
    "UPDATE contacts SET deleted_at = clock_timestamp() WHERE cell_id = $1": "UPDATE calls clock_timestamp()",
    "WITH done AS (UPDATE contacts SET bucket = nextval('buckets') WHERE cell_id = $1 RETURNING 1) "
    "SELECT count(*) FROM done": "UPDATE calls nextval()",
    "SELECT * FROM contacts NATURAL JOIN lists WHERE contacts.workspace_id = $1": "NATURAL JOIN",
    "TRUNCATE contacts": "contacts is taken as a whole",
    "COPY contacts TO STDOUT": "contacts is taken as a whole",
    "DO $$ BEGIN DELETE FROM contacts; END $$": "DO: its statements cannot be read here",
    "CREATE TRIGGER t AFTER INSERT ON contacts EXECUTE FUNCTION f()": "triggers and rules",
    "CREATE RULE r AS ON DELETE TO contacts DO INSTEAD NOTHING": "triggers and rules",
    "CREATE TABLE vips () INHERITS (contacts)": "tables inherit nothing",
    "CREATE TABLE old PARTITION OF events DEFAULT PARTITION BY RANGE (occurred_at)": "tables inherit nothing",
    "SELECT * FROM nowhere": "nowhere is no table of the schema",
    "SELECT * FROM notions": "notions has neither workspace_id nor cell_id",
    "SELECT FROM WHERE": "PostgreSQL cannot parse it",
    "SELECT 1; SELECT * FROM nowhere": "nowhere is no table of the schema",
}


@pytest.mark.parametrize(("sql", "complaint"), REFUSED.items())
def test_refused_construct_is_found(sql: str, complaint: str) -> None:
    assert any(found.startswith(complaint) for found in lint_statement(sql, SCHEMA))


ALLOWED = [
    INSERT + "DO NOTHING",
    INSERT + "DO UPDATE SET tags = excluded.tags, deleted_at = NULL, bucket = 0 WHERE contacts.bucket <> 0",
    INSERT + "DO UPDATE SET (email, tags) = (excluded.email, excluded.tags)",
    "UPDATE contacts SET deleted_at = now() WHERE cell_id = $1",
    "WITH told AS (SELECT pg_notify('keys', $2)) UPDATE contacts SET tags = $3 FROM told WHERE cell_id = $1",
    "CREATE TABLE events_2030 PARTITION OF events FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')",
    "CREATE TEMP TABLE rows_of_import (number bigint) ON COMMIT DROP",
    "COPY contacts (workspace_id, cell_id, id) FROM STDIN",
    "SET LOCAL statement_timeout = '5s'",
]


@pytest.mark.parametrize("sql", ALLOWED)
def test_allowed_construct_passes(sql: str) -> None:
    assert lint_statement(sql, SCHEMA) == []


def test_maintenance_over_all_workspaces_says_why() -> None:
    sql = "\n  /* all workspaces: deleted contacts expire alike */ DELETE FROM contacts WHERE deleted_at < $1"
    assert lint_statement(sql, SCHEMA) == []


@pytest.mark.parametrize(
    "sql",
    [
        "/* all workspaces: */ DELETE FROM contacts",
        "/* tidy */ DELETE FROM contacts",
        "DELETE /* all workspaces: tidy */ FROM contacts",
        "/* all workspaces: tidy */ DELETE FROM events e USING contacts c WHERE e.contact_id = c.id",
        "/* all workspaces: tidy */ SELECT * FROM contacts OFFSET 5",
    ],
    ids=["no reason", "other words", "not at the start", "cells still joined", "constructs still refused"],
)
def test_maintenance_is_held_to_all_else(sql: str) -> None:
    assert lint_statement(sql, SCHEMA) != []


def test_report_of_a_run_has_complaints_by_statement_and_the_reasons_given() -> None:
    waived = "/* all workspaces: old rows go */ DELETE FROM events WHERE occurred_at < $1"
    report = check_executed({"SELECT * FROM lists", "SELECT 1", waived}, SCHEMA)
    assert [*report.violations] == ["SELECT * FROM lists"]
    assert report.all_workspaces == {waived: "old rows go"}
    assert str(report).endswith("\nSELECT * FROM lists")


def test_table_made_for_the_session_is_known_to_the_whole_run() -> None:
    statements = {
        "CREATE TEMP TABLE chunk (cell_id bigint, id uuid) ON COMMIT DROP",
        "CREATE TEMPORARY TABLE matched AS SELECT id FROM contacts WHERE cell_id = $1",
        "SELECT * FROM chunk JOIN matched USING (id)",
    }
    assert check_executed(statements, SCHEMA).violations == {}
    assert check_executed({"SELECT * FROM chunk"}, SCHEMA).violations != {}
