"""Names in one SELECT, UPDATE, DELETE or INSERT: its relations, what is bound, and which values are equal."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pglast import ast

from tests.sql_rules.syntax import bare, column_path

# A parameter, ("parameter", 1), or a column, (relation, "cell_id").
Node = tuple[Any, Any]


@dataclass(frozen=True)
class Output:
    """A column that a query gives: whether it comes from parameters, and what outside equals it."""

    name: str
    bound: bool
    equals: frozenset[Node] = frozenset()


@dataclass(eq=False)
class Relation:
    """An item of FROM, or the target of a change.

    `columns` is None where they cannot be known. `bound`: columns whose values come from parameters.
    `tenant`: the columns of a tenant's table that say whose a row is.
    """

    alias: str
    table: str | None
    columns: frozenset[str] | None
    tenant: frozenset[str] = frozenset()
    bound: set[str] = field(default_factory=set[str])
    source: Any = None
    """The subquery or function of a derived relation, asked anew while more becomes bound."""

    def has(self, column: str) -> bool:
        return self.columns is not None and column in self.columns

    def bind(self, column: str) -> bool:
        """Note the column as bound; a tenant's row found by one tenant column is that tenant's in all."""
        fresh = {column} | (self.tenant if column in self.tenant else set())
        grew = not fresh <= self.bound
        self.bound |= fresh
        return grew


class Classes:
    """Which values are equal: union-find over (relation, column) and parameters."""

    def __init__(self, known: "Classes | None" = None) -> None:
        self._up: dict[Node, Node] = dict(known._up) if known else {}

    def find(self, node: Node) -> Node:
        while node in self._up:
            node = self._up[node]
        return node

    def unite(self, left: Node, right: Node) -> None:
        if (one := self.find(left)) != (other := self.find(right)):
            self._up[one] = other

    def equal_to(self, node: Node) -> Iterator[Node]:
        root = self.find(node)
        return (other for other in self.nodes() if other != node and self.find(other) == root)

    def nodes(self) -> set[Node]:
        return {*self._up, *self._up.values()}


class Scope:
    def __init__(self, parent: "Scope | None" = None) -> None:
        self.parent = parent
        self.relations: dict[str, Relation] = {}
        self.ctes: dict[str, list[Output]] = {}
        self.equal = Classes(parent.equal if parent else None)

    def add(self, relation: Relation) -> Relation:
        self.relations[relation.alias] = relation
        return relation

    def cte(self, name: str) -> list[Output] | None:
        if name in self.ctes:
            return self.ctes[name]
        return self.parent.cte(name) if self.parent else None

    def resolve(self, reference: ast.ColumnRef) -> tuple[Relation, str] | None:
        """The relation and column a reference means, here or in an outer scope."""
        alias, column = column_path(reference)
        if column is None:
            return None
        scope: Scope | None = self
        while scope:
            if alias is not None:
                if alias in scope.relations:
                    return scope.relations[alias], column
            elif relation := scope.owner(column):
                return relation, column
            scope = scope.parent
        return None

    def owner(self, column: str) -> Relation | None:
        """The relation an unqualified column belongs to; one with unknown columns is the last guess."""
        known = [relation for relation in self.relations.values() if relation.has(column)]
        unknown = [relation for relation in self.relations.values() if relation.columns is None]
        return next(iter(known or unknown), None)

    def owns(self, relation: Relation) -> bool:
        return any(relation is own for own in self.relations.values())

    def node(self, expression: Any) -> Node | None:
        """What `equal` calls the expression: a parameter or a column; None for anything else."""
        expression = bare(expression)
        if isinstance(expression, ast.ParamRef):
            return ("parameter", expression.number)
        if isinstance(expression, ast.ColumnRef) and (found := self.resolve(expression)):
            return found
        return None

    def outside(self, node: Node) -> frozenset[Node]:
        """Parameters and outer columns that equal `node`."""
        return frozenset(
            other
            for other in {*self.equal.equal_to(node), node}
            if not (isinstance(other[0], Relation) and self.owns(other[0]))
        )
