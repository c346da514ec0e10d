"""The rules for tables, asked of PostgreSQL's own catalogue after every migration has run.

They hold on one PostgreSQL so that the same tables can be distributed over many: each row lies in a cell (or
with its workspace), keys and references carry that column, and nothing acts behind a statement's back.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from pglast import ast, parse_sql

from orbit_contacts.core.database import Connection
from tests.sql_rules.schema import TENANT_COLUMNS, Schema
from tests.sql_rules.syntax import function_name, walk


@dataclass(frozen=True)
class Layout:
    """What a schema declares about itself.

    `shared`: tables of no tenant. `by_workspace`: tables that lie with their workspace though they name a
    cell, because they are unique over all its cells. `keyless`: rows that are only added and summed.
    `queue`: tables of the job queue, which keep to themselves and may notify by trigger. `ordered`: columns
    (`table.column`) that only the database can give, for they say in which order it took the rows.
    """

    shared: frozenset[str] = field(default_factory=frozenset[str])
    by_workspace: frozenset[str] = field(default_factory=frozenset[str])
    keyless: frozenset[str] = field(default_factory=frozenset[str])
    queue: frozenset[str] = field(default_factory=frozenset[str])
    ordered: frozenset[str] = field(default_factory=frozenset[str])

    @property
    def of_no_tenant(self) -> frozenset[str]:
        return self.shared | self.queue


@dataclass(frozen=True)
class Table:
    name: str
    columns: frozenset[str]

    def lies_by(self, layout: Layout) -> str | None:
        """The column that would distribute the table; None for one of no tenant."""
        if self.name in layout.of_no_tenant or not self.columns & TENANT_COLUMNS:
            return None
        by_cell = "cell_id" in self.columns and self.name not in layout.by_workspace
        return "cell_id" if by_cell else "workspace_id"


async def load_schema(connection: Connection, layout: Layout) -> Schema:
    """What the lint has to know, from the database the statements ran on."""
    tables = await tables_of(connection)
    volatile = await connection.fetch("SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'v'")
    return Schema(
        columns={table.name: table.columns for table in tables},
        shared=layout.of_no_tenant,
        volatile=frozenset(row["proname"] for row in volatile),
    )


async def violations(connection: Connection, layout: Layout) -> list[str]:
    """What is wrong with the tables; empty when all is well."""
    tables = await tables_of(connection)
    home = {table.name: table.lies_by(layout) for table in tables}
    found = [
        f"{table.name} has neither workspace_id nor cell_id and is not declared as shared"
        for table in tables
        if not table.columns & TENANT_COLUMNS and table.name not in layout.of_no_tenant
    ]
    found += stale_declarations(layout, home)
    found += [entry async for entry in keys(connection, home, layout)]
    found += [entry async for entry in references(connection, home, layout)]
    found += [entry async for entry in hidden_actions(connection, layout)]
    found += [entry async for entry in inheritance(connection)]
    found += [entry async for entry in defaults(connection, home, layout)]
    return found


# Tables of this schema alone: no catalogue, no temporary table, nothing an extension brought.
OURS = """
    c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
    AND c.relpersistence <> 't' AND c.relkind IN ('r', 'p')
    AND NOT EXISTS (SELECT 1 FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    AND c.relnamespace::regnamespace::text NOT LIKE 'pg\\_%'
"""


async def tables_of(connection: Connection) -> list[Table]:
    """Tables and partitions, by name."""
    rows = await connection.fetch(f"""
        SELECT c.relname::text AS name, array_agg(a.attname::text) AS columns
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE {OURS} GROUP BY c.relname ORDER BY c.relname""")
    return [Table(row["name"], frozenset(row["columns"])) for row in rows]


def stale_declarations(layout: Layout, known: Iterable[str]) -> list[str]:
    declared = layout.shared | layout.by_workspace | layout.keyless
    return [f"{name} is declared, but there is no such table" for name in sorted(declared - set(known))]


async def keys(connection: Connection, home: dict[str, str | None], layout: Layout) -> AsyncIterator[str]:
    """Primary keys begin with the column the table lies by; every unique index contains it."""
    rows = await connection.fetch(f"""
        SELECT c.relname::text AS table, i.indexrelid::regclass::text AS name, i.indisprimary AS primary,
               array(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place)
                     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number
                     ORDER BY k.place) AS columns
        FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid AND i.indisunique
        WHERE {OURS} ORDER BY 1, 2""")
    primary = {row["table"]: row["columns"] for row in rows if row["primary"]}
    for table, column in home.items():
        if column and table not in primary and table not in layout.keyless:
            yield f"{table} has no primary key"
        elif column and table in primary and primary[table][0] != column:
            yield f"{table}: the primary key begins with {primary[table][0]}, not with {column}"
    for row in rows:
        if (column := home[row["table"]]) and not row["primary"] and column not in row["columns"]:
            yield f"{row['table']}: unique index {row['name']} does not contain {column}"


async def references(connection: Connection, home: dict[str, str | None], layout: Layout) -> AsyncIterator[str]:
    """A foreign key carries the column both tables lie by, at the same ordinal; the queue has none."""
    rows = await connection.fetch(f"""
        SELECT c.relname::text AS child, p.relname::text AS parent, k.conname::text AS name,
               array(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY n(number, place)
                     JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = n.number
                     ORDER BY n.place) AS from_columns,
               array(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY n(number, place)
                     JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = n.number
                     ORDER BY n.place) AS to_columns
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid
        WHERE k.contype = 'f' AND k.conparentid = 0 AND {OURS} ORDER BY 1, 3""")
    for row in rows:
        child, parent = row["child"], row["parent"]
        label = f"{child} > {parent} ({row['name']})"
        carried = list(zip(row["from_columns"], row["to_columns"], strict=True))
        if child == parent:
            yield f"{label}: a table does not refer to itself"
        elif {child, parent} & layout.queue:
            yield f"{label}: the job queue has no foreign keys"
        elif home[parent] and not home[child]:
            yield f"{label}: a shared table does not refer to a tenant's"
        elif home[parent] and (home[child], home[parent]) not in carried:
            yield f"{label}: {home[child]} and {home[parent]} do not stand at one place of the key"
        elif home[parent] and home[child] != home[parent]:
            yield f"{label}: one lies by {home[child]}, the other by {home[parent]}"


async def hidden_actions(connection: Connection, layout: Layout) -> AsyncIterator[str]:
    """Triggers and rules do things that no statement says."""
    triggers = await connection.fetch(f"""
        SELECT c.relname::text AS table, t.tgname::text AS name
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND {OURS} ORDER BY 1, 2""")
    for row in triggers:
        if row["table"] not in layout.queue:
            yield f"{row['table']} has a trigger: {row['name']}"
    rules = await connection.fetch(f"""
        SELECT c.relname::text AS table, r.rulename::text AS name
        FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE {OURS} ORDER BY 1, 2""")
    for row in rules:
        yield f"{row['table']} has a rule: {row['name']}"


async def inheritance(connection: Connection) -> AsyncIterator[str]:
    """Only partitions, one level deep, by ranges of time."""
    children = await connection.fetch(f"""
        SELECT c.relname::text AS child, i.inhparent::regclass::text AS parent,
               c.relispartition AS partition, c.relkind = 'p' AS divided
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE {OURS} ORDER BY 1""")
    for row in children:
        if not row["partition"]:
            yield f"{row['child']} inherits from {row['parent']}"
        elif row["divided"]:
            yield f"{row['child']} is a partition that is divided again"
    divided = await connection.fetch(f"""
        SELECT c.relname::text AS table, p.partstrat::text = 'r' AND p.partnatts = 1 AND coalesce(
                 (SELECT a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
                  FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = p.partattrs[0]),
                 false) AS by_time
        FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid WHERE {OURS} ORDER BY 1""")
    for row in divided:
        if not row["by_time"]:
            yield f"{row['table']} is not partitioned by ranges of one time column"


async def defaults(connection: Connection, home: dict[str, str | None], layout: Layout) -> AsyncIterator[str]:
    """Ids and times of a tenant's rows come from the application: no default calls a function for one.

    A partition has the defaults of its table.
    """
    rows = await connection.fetch(f"""
        SELECT c.relname::text AS table, a.attname::text AS column, a.attidentity <> '' AS identity,
               pg_get_expr(d.adbin, d.adrelid) AS expression
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum AND a.attgenerated = ''
        WHERE a.attnum > 0 AND NOT a.attisdropped AND (a.attidentity <> '' OR d.oid IS NOT NULL) AND {OURS}
          AND NOT c.relispartition
        ORDER BY 1, 2""")
    for row in rows:
        if not home[row["table"]] or f"{row['table']}.{row['column']}" in layout.ordered:
            continue
        if row["identity"]:
            yield f"{row['table']}.{row['column']} numbers itself"
        for call in calls(row["expression"]):
            yield f"{row['table']}.{row['column']} has a default that calls {call}()"


def calls(expression: str | None) -> list[str]:
    """Functions that a default calls, CURRENT_TIMESTAMP and its like included."""
    if expression is None:
        return []
    named = {
        ast.FuncCall: function_name,
        ast.SQLValueFunction: lambda node: node.op.name.removeprefix("SVFOP_").lower(),
    }
    return [named[type(node)](node) for node in walk(parse_sql(f"SELECT {expression}")) if type(node) in named]
