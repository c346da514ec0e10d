"""Proves that a statement touches one tenant's rows, and that rows of a cell are joined within it.

A tenant's table is *bound* when one of its tenant columns equals a parameter (`= $1`, `= any($1)`), or a
value that is itself bound: a column of `unnest($1)`, of a bound subquery, or of another bound table.
The proof is read off the text alone: AND joins facts, OR keeps what all its branches say, an outer join
binds only its optional side.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pglast import ast, enums

from tests.sql_rules.schema import Schema
from tests.sql_rules.scope import Output, Relation, Scope
from tests.sql_rules.sources import Condition, Place, Sources, renamed
from tests.sql_rules.syntax import INNER, bare, column_path, expressions, items, operator, walk

Found = set[Place]


class Analysis:
    """Reads one statement; `complaints` say what it does not prove."""

    def __init__(self, schema: Schema, *, all_workspaces: bool = False) -> None:
        self.complaints: list[str] = []
        self._sources = Sources(schema, self.tried, self.complain)
        self._all_workspaces = all_workspaces
        self._trying = 0

    def query(self, node: ast.Node, parent: Scope | None = None, tested: Sequence[Any] = ()) -> list[Output]:
        """Check a query and give its output columns. `tested`: what `… IN (query)` compares them with."""
        scope = Scope(parent)
        self.with_clause(getattr(node, "withClause", None), scope)
        if isinstance(node, ast.InsertStmt):
            return self.insert(node, scope)
        if isinstance(node, ast.SelectStmt) and node.op != enums.SetOperation.SETOP_NONE:
            return merge(self.query(node.larg, scope, tested), self.query(node.rarg, scope, tested))
        conditions = self._sources.read(node, scope)
        targets = node.targetList if isinstance(node, ast.SelectStmt) else returning(node)
        outer = [parent.node(expression) for expression in tested] if parent else []
        for left, target in zip(outer, targets or (), strict=False):
            if left and (right := scope.node(target.val)):
                scope.equal.unite(left, right)
        self.settle(conditions, scope)
        self.check(node, scope, [left[0] for left in outer if left])
        if isinstance(node, ast.SelectStmt) and node.valuesLists:
            columns = zip(*node.valuesLists, strict=True)
            return [Output(f"column{n}", self.all_bound(column, scope)) for n, column in enumerate(columns, 1)]
        return list(self.outputs(targets, scope))

    def tried(self, node: ast.Node, scope: Scope) -> list[Output]:
        """The output columns of a query as far as is known by now, complaining of nothing."""
        self._trying += 1
        try:
            return self.query(node, scope)
        finally:
            self._trying -= 1

    def with_clause(self, clause: ast.WithClause | None, scope: Scope) -> None:
        for cte in clause.ctes if clause else ():
            outputs = self.query(cte.ctequery, scope)
            scope.ctes[cte.ctename] = renamed(outputs, cte.aliascolnames)

    def insert(self, node: ast.InsertStmt, scope: Scope) -> list[Output]:
        """Every tenant column of the target must be given, and from parameters or bound rows."""
        source = self.query(node.selectStmt, scope) if node.selectStmt else []
        target = scope.add(self._sources.table(node.relation, scope))
        given = {column.name: output for column, output in zip(node.cols or (), source, strict=False)}
        for column in sorted(target.tenant):
            if column not in given:
                self.complain(f"INSERT INTO {target.table} does not give {column}", binding=True)
            elif not given[column].bound:
                self.complain(f"INSERT INTO {target.table} takes {column} from no parameter", binding=True)
        target.bound |= target.tenant
        self.subqueries(node, scope)
        return list(self.outputs(returning(node), scope))

    def settle(self, conditions: list[Condition], scope: Scope) -> None:
        """Collect equalities, then bind columns until no condition adds one."""
        for condition in conditions:
            for left, right in equalities(condition, scope):
                scope.equal.unite(left, right)
        grew = True
        while grew:
            grew = False
            for relation in scope.relations.values():
                grew |= self.refresh(relation, scope)
            for condition in conditions:
                for relation, column in self.binds(condition.test, scope) | joined(condition):
                    if condition.reaches(relation):
                        grew |= relation.bind(column)

    def refresh(self, relation: Relation, scope: Scope) -> bool:
        """Bind the columns of a derived relation that its subquery or function binds by now."""
        bound: list[str] = []
        if isinstance(relation.source, ast.RangeSubselect):
            names = relation.source.alias.colnames if relation.source.alias else ()
            for output in renamed(self.tried(relation.source.subquery, scope), names):
                bound += [output.name] if output.bound else []
                for outer in output.equals:
                    scope.equal.unite((relation, output.name), outer)
        elif relation.source is not None and self.bound(relation.source, scope):
            bound += relation.columns or ()
        grew = [column for column in bound if relation.bind(column)]
        return bool(grew)

    def binds(self, test: Any, scope: Scope) -> Found:
        """The columns of this scope that must come from parameters where `test` holds."""
        if isinstance(test, ast.BoolExpr):
            parts = [self.binds(argument, scope) for argument in test.args]
            if test.boolop == enums.BoolExprType.AND_EXPR:
                return set().union(*parts)
            return set.intersection(*parts) if test.boolop == enums.BoolExprType.OR_EXPR else set()
        if isinstance(test, ast.SubLink):
            positive = test.subLinkType == enums.SubLinkType.ANY_SUBLINK and operator(test) == "="
            if not positive:
                return set()
            bound = [output.bound for output in self.tried(test.subselect, scope)]
            return self.columns(zip(items(test.testexpr), bound, strict=False), scope)
        if not isinstance(test, ast.A_Expr) or operator(test) != "=":
            return set()
        left, right = items(test.lexpr), test.rexpr
        match test.kind:
            case enums.A_Expr_Kind.AEXPR_OP:
                right = items(right)
                pairs = [*zip(left, right, strict=False), *zip(right, left, strict=False)]
                return self.columns(((one, self.bound(other, scope)) for one, other in pairs), scope)
            case enums.A_Expr_Kind.AEXPR_OP_ANY:
                return self.columns([(left[0], self.bound(right, scope))], scope)
            case enums.A_Expr_Kind.AEXPR_IN:
                choices = zip(*(items(choice) for choice in right), strict=False)
                return self.columns(
                    ((one, self.all_bound(places, scope)) for one, places in zip(left, choices, strict=False)),
                    scope,
                )
            case _:
                return set()

    def columns(self, pairs: Iterable[tuple[Any, bool]], scope: Scope) -> Found:
        """Of (expression, is bound) pairs: the plain columns of this scope that are."""
        found: Found = set()
        for expression, bound in pairs:
            expression = bare(expression)
            if bound and isinstance(expression, ast.ColumnRef) and (place := scope.resolve(expression)):
                found.add(place)
        return {place for place in found if scope.owns(place[0])}

    def all_bound(self, parts: Iterable[Any], scope: Scope) -> bool:
        return all(self.bound(part, scope) for part in parts)

    def bound(self, expression: Any, scope: Scope) -> bool:
        """Whether the value is made of parameters and bound columns, and of at least one of them."""
        made_of: list[bool] = []
        for node in walk(expression, stop=(ast.SubLink, *INNER)):
            if isinstance(node, ast.ParamRef):
                made_of.append(True)
            elif isinstance(node, ast.ColumnRef):
                place = scope.resolve(node)
                made_of.append(place is not None and place[1] in place[0].bound)
            elif isinstance(node, ast.SubLink):
                values = {enums.SubLinkType.EXPR_SUBLINK, enums.SubLinkType.ARRAY_SUBLINK}
                outputs = self.tried(node.subselect, scope) if node.subLinkType in values else []
                made_of.append(bool(outputs) and outputs[0].bound)
            elif isinstance(node, ast.SetToDefault):
                made_of.append(False)
        return bool(made_of) and all(made_of)

    def check(self, node: ast.Node, scope: Scope, compared: list[Any]) -> None:
        """Complain of what the settled scope does not prove, here and in its subqueries.

        `compared`: outer relations whose columns this query's are compared with.
        """
        if self._trying:
            return
        for relation in scope.relations.values():
            if relation.tenant and not relation.tenant & relation.bound:
                self.complain(
                    f"{relation.table} is not bound: no condition says workspace_id or cell_id = a parameter",
                    binding=True,
                )
            if isinstance(relation.source, ast.RangeSubselect):
                self.query(relation.source.subquery, scope)
        self.check_cells(node, scope, compared)
        self.subqueries(node, scope)

    def check_cells(self, node: ast.Node, scope: Scope, compared: list[Any]) -> None:
        """Relations with a cell that meet here, outer ones included, must have equal cells."""
        own = list(scope.relations.values())
        met = own + [relation for relation in compared if isinstance(relation, Relation)]
        for reference in expressions(node):
            if isinstance(reference, ast.ColumnRef) and (place := scope.resolve(reference)):
                met.append(place[0])
        with_cell = {id(relation): relation for relation in met if relation.has("cell_id")}
        cells = {scope.equal.find((relation, "cell_id")) for relation in with_cell.values()}
        if len(cells) > 1 and any(id(relation) in with_cell for relation in own):
            names = " and ".join(sorted(relation.alias for relation in with_cell.values()))
            self.complain(f"{names} are joined without cell_id = cell_id")

    def subqueries(self, node: ast.Node, scope: Scope) -> None:
        for link in expressions(node):
            if isinstance(link, ast.SubLink):
                self.query(link.subselect, scope, items(link.testexpr) if link.testexpr else ())

    def outputs(self, targets: Any, scope: Scope) -> Iterator[Output]:
        for target in targets or ():
            value = bare(target.val)
            if isinstance(value, ast.ColumnRef):
                alias, column = column_path(value)
                if column is None:
                    relations = [scope.relations[alias]] if alias in scope.relations else scope.relations.values()
                    for relation in relations:
                        for name in sorted(relation.columns or ()):
                            yield self.column_output(name, (relation, name), scope)
                    continue
                yield self.column_output(target.name or column, scope.resolve(value), scope)
            else:
                yield Output(target.name or "", self.bound(value, scope))

    def column_output(self, name: str, place: Place | None, scope: Scope) -> Output:
        if place is None:
            return Output(name, False)
        return Output(name, place[1] in place[0].bound, scope.outside(place))

    def complain(self, complaint: str, *, binding: bool = False) -> None:
        if not self._trying and not (binding and self._all_workspaces) and complaint not in self.complaints:
            self.complaints.append(complaint)


def equalities(condition: Condition, scope: Scope) -> Iterator[tuple[Any, Any]]:
    """Pairs of nodes that are equal wherever the condition holds."""
    yield from condition.equal
    for test in conjuncts(condition.test):
        if isinstance(test, ast.A_Expr) and test.kind == enums.A_Expr_Kind.AEXPR_OP and operator(test) == "=":
            for left, right in zip(items(test.lexpr), items(test.rexpr), strict=False):
                if (one := scope.node(left)) and (other := scope.node(right)):
                    yield one, other


def joined(condition: Condition) -> Found:
    """Columns that are bound because the column they are joined with by USING is."""
    pairs = [pair for one, other in condition.equal for pair in ((one, other), (other, one))]
    return {place for place, (relation, column) in pairs if column in relation.bound}


def conjuncts(test: Any) -> Iterator[Any]:
    if isinstance(test, ast.BoolExpr) and test.boolop == enums.BoolExprType.AND_EXPR:
        for argument in test.args:
            yield from conjuncts(argument)
    else:
        yield test


def returning(node: Any) -> Any:
    clause = getattr(node, "returningClause", None)
    return clause.exprs if clause else ()


def merge(left: list[Output], right: list[Output]) -> list[Output]:
    """UNION and its like: bound only where both sides are."""
    return [
        Output(one.name, one.bound and other.bound, one.equals & other.equals)
        for one, other in zip(left, right, strict=False)
    ]
