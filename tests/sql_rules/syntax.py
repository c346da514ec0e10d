"""Small questions to PostgreSQL's own syntax tree (`pglast`)."""

from collections.abc import Iterator
from typing import Any

from pglast import ast

# These open a scope of their own: whoever walks the expressions of a scope stops there.
INNER = (
    ast.RangeSubselect,
    ast.CommonTableExpr,
    ast.SelectStmt,
    ast.InsertStmt,
    ast.UpdateStmt,
    ast.DeleteStmt,
)


def walk(node: Any, stop: tuple[type, ...] = ()) -> Iterator[ast.Node]:
    """`node` and all below it, in the order of the text; `stop` types are given but not entered."""
    if isinstance(node, tuple):
        for item in node:
            yield from walk(item, stop)
    elif isinstance(node, ast.Node):
        yield node
        if not isinstance(node, stop):
            for name in node:
                yield from walk(getattr(node, name), stop)


def expressions(statement: ast.Node) -> Iterator[ast.Node]:
    """Every node of the statement's own scope; subqueries are given, not entered."""
    for name in statement:
        yield from walk(getattr(statement, name), INNER)


def bare(node: Any) -> Any:
    """The expression without its type casts."""
    while isinstance(node, ast.TypeCast):
        node = node.arg
    return node


def operator(node: ast.A_Expr | ast.SubLink) -> str:
    names = node.name if isinstance(node, ast.A_Expr) else node.operName
    return names[-1].sval if names else "="


def column_path(node: ast.ColumnRef) -> tuple[str | None, str | None]:
    """(table alias, column); the column is None for `*`."""
    *qualifiers, last = node.fields
    column = last.sval if isinstance(last, ast.String) else None
    return (qualifiers[-1].sval if qualifiers else None), column


def items(node: Any) -> tuple[Any, ...]:
    """The parts of a row expression; one expression is a row of one."""
    node = bare(node)
    return tuple(node.args) if isinstance(node, ast.RowExpr) else (node,)


def function_name(node: ast.FuncCall) -> str:
    return str(node.funcname[-1].sval).lower()


def tables(node: Any) -> Iterator[ast.RangeVar]:
    return (found for found in walk(node) if isinstance(found, ast.RangeVar))
