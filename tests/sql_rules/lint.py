"""The rules for SQL that let the same statements run on one PostgreSQL and on a distributed one.

`check_executed` takes every statement the tests ran. What it proves: each statement on a tenant's table is
bound to one workspace or cell, joins stay within a cell, and nothing is used that a distributed PostgreSQL
refuses or answers differently. A maintenance statement over all tenants says so in its first words:
`/* all workspaces: <reason> */`.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from pglast import ast, enums, parse_sql
from pglast.parser import ParseError

from tests.sql_rules.binding import Analysis
from tests.sql_rules.schema import Schema
from tests.sql_rules.syntax import bare, column_path, function_name, items, tables, walk

ALL_WORKSPACES = re.compile(r"\s*/\*\s*all workspaces:\s*(\S(?:.*\S)?)\s*\*/", re.DOTALL)
QUERIES = (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)


@dataclass(frozen=True)
class Report:
    """`violations`: complaints by statement. `all_workspaces`: the reason each such statement gives."""

    violations: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    all_workspaces: dict[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        return "\n\n".join(
            "\n".join([*(f"- {complaint}" for complaint in complaints), sql.strip()])
            for sql, complaints in self.violations.items()
        )


def check_executed(statements: Iterable[str], schema: Schema) -> Report:
    """Lint every statement of a test run; tables that one of them makes for its session are known to all."""
    report = Report()
    ordered = sorted(statements)
    schema = schema.with_temporary(frozenset(name for sql in ordered for name in temporary_tables(sql)))
    for sql in ordered:
        if complaints := lint_statement(sql, schema):
            report.violations[sql] = complaints
        if waiver := ALL_WORKSPACES.match(sql):
            report.all_workspaces[sql] = waiver[1]
    return report


def temporary_tables(sql: str) -> Iterator[str]:
    try:
        found = list(walk(parse_sql(sql)))
    except ParseError:
        return
    for node in found:
        into = node.into.rel if isinstance(node, ast.CreateTableAsStmt) else getattr(node, "relation", None)
        if isinstance(node, ast.CreateStmt | ast.CreateTableAsStmt) and into.relpersistence == "t":
            yield into.relname


def lint_statement(sql: str, schema: Schema) -> list[str]:
    """What is wrong with a statement, or with several in one text; empty when all is well."""
    try:
        statements = [raw.stmt for raw in parse_sql(sql)]
    except ParseError as error:
        return [f"PostgreSQL cannot parse it: {error}"]
    complaints: list[str] = []
    for statement in statements:
        complaints += constructs(statement, schema)
        for query in outermost_queries(statement):
            analysis = Analysis(schema, all_workspaces=bool(ALL_WORKSPACES.match(sql)))
            analysis.query(query)
            complaints += analysis.complaints
    return list(dict.fromkeys(complaints))


def outermost_queries(statement: Any) -> Iterator[Any]:
    """The statement itself, or the query that EXPLAIN, COPY, DECLARE or CREATE TABLE AS runs."""
    return (node for node in walk(statement, stop=QUERIES) if isinstance(node, QUERIES))


def constructs(statement: Any, schema: Schema) -> Iterator[str]:
    """Complaints of what is refused wherever it stands."""
    for node in walk(statement):
        match node:
            case ast.MergeStmt():
                yield "MERGE: write INSERT … ON CONFLICT, or UPDATE and INSERT"
            case ast.WithClause(recursive=True):
                yield "WITH RECURSIVE: walk in the application"
            case ast.GroupingSet():
                yield "GROUPING SETS, ROLLUP and CUBE: group once per level"
            case ast.SelectStmt(limitOffset=offset) if offset and any(tenant_tables(statement, schema)):
                yield "OFFSET: continue from a key"
            case ast.OnConflictClause(action=enums.OnConflictAction.ONCONFLICT_UPDATE):
                yield from on_conflict_update(node)
            case ast.UpdateStmt():
                yield from volatile_calls(node, schema)
            case ast.DoStmt():
                yield "DO: its statements cannot be read here"
            case ast.CreateTrigStmt() | ast.RuleStmt():
                yield "triggers and rules: write it into the statement"
            case ast.CreateStmt(inhRelations=parents, partbound=bound, partspec=inner) if parents:
                if bound is None or inner is not None:
                    yield "tables inherit nothing but one level of partitions"
            case ast.TruncateStmt() | ast.CopyStmt(query=None, is_from=False):
                for name in tenant_tables(node, schema):
                    yield f"{name} is taken as a whole, not one workspace's rows"
            case _:
                pass


def tenant_tables(node: Any, schema: Schema) -> Iterator[str]:
    return (table.relname for table in tables(node) if schema.tenant_columns(table.relname))


def on_conflict_update(clause: ast.OnConflictClause) -> Iterator[str]:
    """SET takes `excluded.…` and constants; no function is called, now() included."""
    for target in clause.targetList:
        value = target.val.source if isinstance(target.val, ast.MultiAssignRef) else target.val
        for part in map(bare, items(value)):
            excluded = isinstance(part, ast.ColumnRef) and column_path(part)[0] == "excluded"
            if not excluded and not isinstance(part, ast.A_Const):
                yield f"ON CONFLICT DO UPDATE SET {target.name}: only excluded.{target.name} or a constant"
    for node in walk(clause.whereClause):
        if isinstance(node, ast.FuncCall | ast.SQLValueFunction):
            yield "ON CONFLICT DO UPDATE … WHERE calls a function"


def volatile_calls(update: ast.UpdateStmt, schema: Schema) -> Iterator[str]:
    """Functions that give another value at each call, in the UPDATE itself (a CTE before it runs apart)."""
    own = [getattr(update, name) for name in update if name != "withClause"]
    for part in own:
        for node in walk(part):
            if isinstance(node, ast.FuncCall) and function_name(node) in schema.volatile:
                yield f"UPDATE calls {function_name(node)}(): pass its value as a parameter"
