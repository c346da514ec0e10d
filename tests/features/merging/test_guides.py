"""The examples of the guides run as they stand."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Server, Workspace

GUIDES = Path(__file__).parents[3] / "docs" / "guide"


@pytest.mark.parametrize("guide", ["lists-and-fields.md", "merging.md"])
def test_the_examples_of_a_guide_run(
    guide: str, server: Server, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORBIT_URL", server.url)
    monkeypatch.setenv("ORBIT_API_KEY", workspace.key)
    blocks = re.findall(r"```python\n(.*?)```", (GUIDES / guide).read_text(), re.DOTALL)
    assert len(blocks) >= 4
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, guide, "exec"), names)


@pytest.mark.parametrize("guide", ["lists-and-fields.md", "merging.md"])
def test_paths_that_a_guide_names_exist(guide: str) -> None:
    from orbit_contacts.interfaces.api import document

    known = {re.sub(r"\{\w+\}", "{}", path) for path in document()["paths"]}
    for path in re.findall(r"`(?:GET|POST|PUT|PATCH|DELETE)[^`]*? (/[^`?… ]+)", (GUIDES / guide).read_text()):
        assert re.sub(r"\{\w+\}", "{}", path).rstrip("/") in known
