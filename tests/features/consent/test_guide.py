"""The examples of the guides on consent and the send gate run as they stand, and the paths they name exist."""

import re
from pathlib import Path
from typing import Any

import pytest

from orbit_contacts.interfaces.api import document
from tests.conftest import Server, Workspace

GUIDE = Path(__file__).parents[3] / "docs" / "guide"


@pytest.mark.parametrize("name", ["consent.md", "send-gate.md"])
def test_the_examples_run(name: str, server: Server, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBIT_URL", server.url)
    monkeypatch.setenv("ORBIT_API_KEY", workspace.key)
    blocks = re.findall(r"```python\n(.*?)```", (GUIDE / name).read_text(), re.DOTALL)
    assert len(blocks) >= 5
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, name, "exec"), names)


@pytest.mark.parametrize("name", ["consent.md", "send-gate.md"])
def test_the_paths_exist(name: str) -> None:
    known = {re.sub(r"\{\w+\}", "{}", path) for path in document()["paths"]}
    named = re.findall(r"`(?:GET|POST|PUT|PATCH|DELETE)\s[^`]*?(/[^`?… ]+)", (GUIDE / name).read_text())
    assert len(named) > 3
    for path in named:
        assert re.sub(r"\{\w+\}", "{}", path) in known
