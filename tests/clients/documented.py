"""The documented API as facts: which operations its two pages name, and what their code samples send.

`python -m tests.clients.documented FOLDER` reads the older and the newer page in FOLDER and writes
`documented_calls.json`. The pages are no part of this repository; the facts are, so that a clone can be tested alone.
"""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

FACTS = Path(__file__).with_name("documented_calls.json")
PAGES = {"older": "000_*.txt", "newer": "002_*.txt"}

# The contact in the older page's examples.
_EXAMPLE_ID = "con_abc123"
# On the newer page the path runs into the words that follow it.
_OPERATION = re.compile(
    r"^(GET|POST|PUT|PATCH|DELETE) (?:/api)?/v1(/contacts[a-zA-Z/{}.\-]*?)(?=[ —]|cURL|Opaque|Phone|import_job|$)"
)
_LANGUAGES = {"cURL": "curl", "Node.js": "node", "Python": "python"}
_OTHERS = ("Go", "Ruby", "PHP")


class Call(NamedTuple):
    """What the code samples of one operation send; ids in `path` are `{id}` and the like."""

    page: str
    operation: str
    languages: list[str]
    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Sample(NamedTuple):
    """One code sample as it stands on its page."""

    page: str
    operation: str
    language: str
    text: str


def key(method: str, path: str) -> str:
    """`GET /contacts/{}`: an operation, whatever its parameters are called, without prefix and trailing slash."""
    path = re.sub(r"^(/api)?/v1(?=/)", "", path).rstrip("/")
    return f"{method} {re.sub(r'{[^}]*}', '{}', path)}"


def operations(text: str) -> list[str]:
    return [key(*found.groups()) for line in text.splitlines() if (found := _OPERATION.match(line))]


def samples(page: str, text: str) -> Iterator[Sample]:
    """The curl, Node.js and Python samples of a page, below the operation they belong to."""
    operation, language, lines = "", "", list[str]()

    def done() -> Iterator[Sample]:
        if language and lines:
            yield Sample(page, operation, language, "\n".join(lines))

    for line in text.splitlines():
        starts_curl = line.startswith("curl ")
        if found := _OPERATION.match(line):
            yield from done()
            operation, language, lines = key(*found.groups()), "", []
        if line in _LANGUAGES or line in _OTHERS:
            yield from done()
            language, lines = _LANGUAGES.get(line, ""), []
        elif starts_curl and not lines:
            language, lines = "curl", [line]
        elif language == "curl" and not _goes_on("\n".join(lines)):
            yield from done()
            language, lines = "", []
        elif language:
            lines.append(line)
    yield from done()


def _goes_on(command: str) -> bool:
    """Whether a shell would ask for another line."""
    return command.endswith("\\") or command.count("'") % 2 == 1


def call_of(sample: Sample) -> Call:
    read = {"curl": _curl, "node": _node, "python": _python}[sample.language]
    method, url, headers, body = read(sample.text)
    parts = urlsplit(url)
    path = parts.path.replace(_EXAMPLE_ID, "{id}") + (f"?{parts.query}" if parts.query else "")
    headers = {name: "KEY" if name == "X-API-Key" else value for name, value in headers.items()}
    return Call(sample.page, sample.operation, [sample.language], method, path, headers, body)


def _curl(text: str) -> tuple[str, str, dict[str, str], Any]:
    words = shlex.split(text.replace("\\\n", " "))
    given: dict[str, list[str]] = {"-X": [], "-H": [], "-d": [], "": []}
    while len(words) > 1:
        word = words.pop(1)
        given[word if word in given else ""].append(words.pop(1) if word in given else word)
    headers = dict(line.split(": ", 1) for line in given["-H"])
    body = json.loads(given["-d"][0]) if given["-d"] else None
    return (given["-X"] or ["POST" if given["-d"] else "GET"])[0], given[""][0], headers, body


def _node(text: str) -> tuple[str, str, dict[str, str], Any]:
    url = _one(r"fetch\('([^']*)'", text)
    headers = dict(re.findall(r"^'([A-Za-z-]+)': (.*),$", text, re.MULTILINE))
    headers = {name: value.strip("'") for name, value in headers.items()}
    body = re.search(r"JSON\.stringify\((.*)\),", text, re.DOTALL)
    return _one(r"method: '(\w+)'", text), url, headers, json.loads(body[1]) if body else None


def _python(text: str) -> tuple[str, str, dict[str, str], Any]:
    headers = dict(re.findall(r'"([A-Za-z-]+)"(?:\]|:) ?=? ?(.*?)[}\n]', text))
    headers = {name: value.strip('"') for name, value in headers.items() if name[0].isupper()}
    body = re.search(r"json=(.*)\)\nprint", text, re.DOTALL)
    method, url = re.findall(r'requests\.(\w+)\("([^"]*)"', text)[0]
    return method.upper(), url, headers, json.loads(body[1]) if body else None


def _one(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, f"{pattern} is not in:\n{text}"
    return found[1]


def read(folder: Path) -> tuple[dict[str, list[str]], list[Sample]]:
    """(page to its operations, all samples) of the pages in a folder."""
    pages = {page: next(folder.glob(name)).read_text() for page, name in PAGES.items()}
    return (
        {page: operations(text) for page, text in pages.items()},
        [sample for page, text in pages.items() for sample in samples(page, text)],
    )


def facts(folder: Path) -> dict[str, Any]:
    named, found = read(folder)
    calls: list[Call] = []
    for call in map(call_of, found):
        if calls and calls[-1]._replace(languages=[]) == call._replace(languages=[]):
            calls[-1].languages.extend(call.languages)
        else:
            calls.append(call)
    return {"operations": named, "calls": [call._asdict() for call in calls]}


def known() -> dict[str, Any]:
    """The facts in this repository."""
    return json.loads(FACTS.read_text())


def known_calls() -> list[Call]:
    return [Call(**call) for call in known()["calls"]]


if __name__ == "__main__":
    FACTS.write_text(json.dumps(facts(Path(sys.argv[1])), indent=1, ensure_ascii=False) + "\n")
