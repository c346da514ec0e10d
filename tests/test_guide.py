"""The examples of the guide run as they stand; `docs/guide/README.md` says how they are written."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.conftest import Server, Workspace
from tests.documents import ROOT

GUIDE = ROOT / "docs" / "guide"
PAGES = sorted([*GUIDE.glob("*.md"), ROOT / "README.md"])
RUN = ("http", "sh", "python")


class Block(NamedTuple):
    """A fenced block; `kept` are names for parts of its answer: JANE to data.id."""

    language: str
    text: str
    kept: dict[str, str]


_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```\n((?:<!-- \$\w+ = [\w.]+ -->\n)*)", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> Iterator[Block]:
    for language, text, notes in _BLOCK.findall(page.read_text()):
        if language in RUN and (language != "sh" or "curl" in text):
            yield Block(language, text, dict(re.findall(r"\$(\w+) = ([\w.]+)", notes)))


@pytest.mark.parametrize("page", [page for page in PAGES if any(blocks(page))], ids=lambda page: page.name)
def test_examples_run(page: Path, server: Server, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBIT_URL", server.url)
    monkeypatch.setenv("ORBIT_API_KEY", workspace.key)
    names: dict[str, str] = {}
    namespace: dict[str, Any] = {}
    for block in blocks(page):
        text = with_values(block.text, names, server, workspace)
        match block.language:
            case "http":
                answer = http(text, server, workspace)
                for name, way in block.kept.items():
                    names[name] = at(answer, way)
            case "sh":
                shell(text, names)
            case _:
                exec(compile(text, page.name, "exec"), namespace)


def with_values(text: str, names: dict[str, str], server: Server, workspace: Workspace) -> str:
    """The example on this server: its address, the key, and what earlier answers gave."""
    text = re.sub(r"(?:http://)?(?:localhost|127\.0\.0\.1):8000", server.url, text)
    text = re.sub(r"^export ORBIT_API_KEY=.*$", "", text, flags=re.MULTILINE).replace("dv_live_sk_…", workspace.key)
    for name, value in names.items():
        text = re.sub(rf"\${name}\b", value, text)
    return text


def http(text: str, server: Server, workspace: Workspace) -> Any:
    """Send the request of a block, compare with its answer; gives the answer's JSON."""
    request, _, expected = text.partition("\nHTTP ")
    head, _, body = request.strip().partition("\n\n")
    first, *lines = head.split("\n")
    method, path = first.split(" ", 1)
    headers = {"X-API-Key": workspace.key, "Content-Type": "application/json"}
    headers |= dict(line.split(": ", 1) for line in lines)
    answer = httpx.request(method, server.url + path, headers=headers, content=body.encode() or None, timeout=20)
    status, _, shown = expected.partition("\n")
    assert answer.status_code == int(status), f"{first}: {answer.status_code} {answer.text}"
    got = answer.json() if answer.content else None
    if shown.strip():
        fits(json.loads(shown), got, first)
    return got


def fits(shown: Any, got: Any, where: str) -> None:
    """What is shown is there; `…` in a text stands for anything, and objects may have more fields."""
    if isinstance(shown, dict):
        assert isinstance(got, dict), f"{where}: {got!r}"
        for name, value in shown.items():
            assert name in got, f"{where}: no {name} in {got!r}"
            fits(value, got[name], f"{where}.{name}")
    elif isinstance(shown, list):
        assert isinstance(got, list), f"{where}: {got!r}"
        assert len(got) == len(shown), f"{where}: {got!r}"
        for number, (one, other) in enumerate(zip(shown, got, strict=True)):
            fits(one, other, f"{where}[{number}]")
    elif isinstance(shown, str) and "…" in shown:
        assert re.fullmatch(".*".join(map(re.escape, shown.split("…"))), str(got), re.DOTALL), f"{where}: {got!r}"
    else:
        assert shown == got, f"{where}: {got!r}"


def at(answer: Any, way: str) -> str:
    for step in way.split("."):
        answer = answer[int(step)] if isinstance(answer, list) else answer[step]
    return answer


def shell(text: str, names: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-eu", "-c", text.replace("curl ", "curl --fail-with-body -sS ")],
        env=os.environ | names,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


def test_pages_that_are_linked_exist() -> None:
    for page in [*PAGES, *ROOT.glob("*.md"), *ROOT.glob("docs/adr/*.md")]:
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name} links to {link}"
