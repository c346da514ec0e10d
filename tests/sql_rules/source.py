"""The statements that stand whole in the program's text, also those no test happens to run."""

import ast
from collections.abc import Iterator
from pathlib import Path

ASKING = frozenset({"fetch", "fetchrow", "fetchval", "fetch_all", "fetch_one", "fetch_value", "execute", "executemany"})


def literal_statements(folder: Path) -> Iterator[tuple[str, str]]:
    """(`file:line`, SQL) for every literal passed to a method that runs it."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ASKING:
                for argument in node.args[:1]:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield f"{path.relative_to(folder)}:{argument.lineno}", argument.value
