"""From FROM, USING and the target of a change to relations and the conditions that join them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pglast import ast, enums

from tests.sql_rules.schema import Schema
from tests.sql_rules.scope import Output, Relation, Scope

SYSTEM_SCHEMAS = {"pg_catalog", "information_schema"}
Place = tuple[Relation, str]


@dataclass
class Condition:
    """What holds for the rows that remain: a test, or equal columns (JOIN … USING).

    `within`: the relations whose rows it can exclude; None for all.
    """

    test: Any = None
    equal: list[tuple[Place, Place]] = field(default_factory=list[tuple[Place, Place]])
    within: list[Relation] | None = None

    def reaches(self, relation: Relation) -> bool:
        return self.within is None or any(relation is one for one in self.within)


class Sources:
    """Reads the places that a query takes rows from.

    `outputs_of` gives the columns of a subquery in a scope; `complain` takes what is not to be read.
    """

    def __init__(
        self,
        schema: Schema,
        outputs_of: Callable[[ast.Node, Scope], list[Output]],
        complain: Callable[[str], None],
    ) -> None:
        self._schema = schema
        self._outputs_of = outputs_of
        self._complain = complain

    def read(self, node: Any, scope: Scope) -> list[Condition]:
        """Put the relations of a SELECT, UPDATE or DELETE into `scope`; the conditions on its rows."""
        conditions: list[Condition] = []
        if isinstance(node, ast.UpdateStmt | ast.DeleteStmt):
            scope.add(self.table(node.relation, scope))
        clause = node.usingClause if isinstance(node, ast.DeleteStmt) else node.fromClause
        for item in clause or ():
            self._item(item, scope, conditions)
        if node.whereClause:
            conditions.append(Condition(node.whereClause))
        return conditions

    def _item(self, item: Any, scope: Scope, conditions: list[Condition]) -> list[Relation]:
        """Add one item of FROM; the relations it is made of."""
        if isinstance(item, ast.JoinExpr):
            return self._join(item, scope, conditions)
        if isinstance(item, ast.RangeTableSample):
            return self._item(item.relation, scope, conditions)
        if isinstance(item, ast.RangeVar):
            return [scope.add(self.table(item, scope))]
        return [scope.add(self._derived(item, scope))]

    def _join(self, join: ast.JoinExpr, scope: Scope, conditions: list[Condition]) -> list[Relation]:
        left = self._item(join.larg, scope, conditions)
        right = self._item(join.rarg, scope, conditions)
        if join.isNatural:
            self._complain("NATURAL JOIN does not say which columns it joins")
        within = {
            enums.JoinType.JOIN_INNER: None,
            enums.JoinType.JOIN_LEFT: right,
            enums.JoinType.JOIN_RIGHT: left,
        }.get(join.jointype, [])
        if join.quals:
            conditions.append(Condition(join.quals, within=within))
        for name in join.usingClause or ():
            one, other = (next((r for r in side if r.has(name.sval)), None) for side in (left, right))
            if one and other:
                conditions.append(Condition(equal=[((one, name.sval), (other, name.sval))], within=within))
        return left + right

    def table(self, item: ast.RangeVar, scope: Scope) -> Relation:
        """A table, or the CTE of that name."""
        name = item.relname
        alias = item.alias.aliasname if item.alias else name
        outputs = scope.cte(name) if item.schemaname is None else None
        if outputs is not None:
            columns = renamed(outputs, item.alias.colnames if item.alias else ())
            relation = Relation(alias, None, frozenset(output.name for output in columns))
            for output in columns:
                for node in output.equals:
                    scope.equal.unite((relation, output.name), node)
            relation.bound = {output.name for output in columns if output.bound}
            return relation
        foreign = item.schemaname in SYSTEM_SCHEMAS or name.startswith("pg_")
        if foreign or item.schemaname == "pg_temp" or name in self._schema.temporary:
            return Relation(alias, name, None)
        if name not in self._schema.columns:
            self._complain(f"{name} is no table of the schema")
            return Relation(alias, name, None)
        tenant = self._schema.tenant_columns(name)
        if not tenant and name not in self._schema.shared:
            self._complain(f"{name} has neither workspace_id nor cell_id and is not declared as shared")
        return Relation(alias, name, self._schema.columns[name], tenant)

    def _derived(self, item: Any, scope: Scope) -> Relation:
        """A subquery or a function in FROM; what it binds is asked as more becomes known."""
        alias = item.alias.aliasname if item.alias else ""
        if isinstance(item, ast.RangeSubselect):
            outputs = renamed(self._outputs_of(item.subquery, scope), item.alias.colnames if item.alias else ())
            return Relation(alias, None, frozenset(output.name for output in outputs), source=item)
        if not isinstance(item, ast.RangeFunction):
            self._complain(f"{type(item).__name__} in FROM is not known to these rules")
            return Relation(alias, None, None)
        declared = [column.colname for column in item.coldeflist or ()]
        named = [name.sval for name in (item.alias.colnames if item.alias else None) or ()]
        function = item.functions[0][0]
        alias = alias or getattr(function, "funcname", [ast.String(sval="")])[-1].sval
        return Relation(alias, None, frozenset(declared or named or [alias]), source=item)


def renamed(outputs: list[Output], names: Any) -> list[Output]:
    """The outputs under the names that an alias gives to the first of them."""
    given = [name.sval for name in names or ()]
    return [
        Output(given[n] if n < len(given) else output.name, output.bound, output.equals)
        for n, output in enumerate(outputs)
    ]
