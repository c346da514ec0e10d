"""Every English text of the console that a reader sees: out of templates, out of the pages' code, and out of tables."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from jinja2 import nodes

from orbit_contacts.core.access import SCOPES
from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.consent.channels import CHANNELS
from orbit_contacts.features.segments.fields import FIELDS
from orbit_contacts.features.segments.operators import COUNTS
from orbit_contacts.features.timeline.kinds import KINDS
from orbit_contacts.features.timeline.wording import CHANNEL_NAMES, TITLES, title_of
from orbit_contacts.interfaces.api import OPERATIONS
from orbit_contacts.interfaces.console import pages, visit, wording
from orbit_contacts.interfaces.console.pages import bulk, profile, segment_builder
from orbit_contacts.interfaces.console.templating import environment

CONSOLE = Path(wording.__file__).parent
TEMPLATES = CONSOLE / "templates"
_SAYERS = {"t", "text"}
_COUNTERS = {"count"}
# Constants that map to names of fields, to codes, or to what each language calls itself.
_UNSAID = {"SORTABLE", "CUSTOM_KINDS", "LANGUAGES"}


def in_templates() -> dict[str, str]:
    """Text to the template that says it."""
    found: dict[str, str] = {}
    for path in sorted(TEMPLATES.rglob("*.html")):
        tree = environment.parse(path.read_text())
        for call in tree.find_all(nodes.Call):
            name = call.node.name if isinstance(call.node, nodes.Name) else getattr(call.node, "attr", "")
            said = call.args[:1] if name in _SAYERS else call.args[:2] if name in _COUNTERS else []
            for argument in said:
                found |= dict.fromkeys(_constants(argument), str(path.relative_to(TEMPLATES)))
    return found


def _constants(node: nodes.Node) -> Iterator[str]:
    """The texts an argument can be: itself, or either side of a condition."""
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, nodes.CondExpr):
        yield from _constants(node.expr1)
        if node.expr2 is not None:
            yield from _constants(node.expr2)


def in_code() -> dict[str, str]:
    """Text to the file that says it: `visit.t("…")`, `wording.text("…")`, and `said = "…"` that is said later."""
    found: dict[str, str] = {}
    for path in sorted(CONSOLE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                name = "" if isinstance(node.func.value, ast.Name) and node.func.value.id == "ids" else node.func.attr
                said = node.args[:1] if name in _SAYERS else node.args[:2] if name in _COUNTERS else []
                for argument in said:
                    found |= dict.fromkeys(_strings(argument), path.name)
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "said" for t in node.targets):
                found |= dict.fromkeys(_strings(node.value), path.name)
    return found


def _strings(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _strings(node.body)
        yield from _strings(node.orelse)


def in_tables() -> dict[str, str]:
    """Text to the table it stands in: what templates say by a name that is looked up."""
    tables: dict[str, list[str]] = {
        "rfm": [label.replace("_", " ") for label in profile.RFM],
        "counts": list(COUNTS.values()),
        "ready made": list(segment_builder.READY_MADE),
        "fields": [field.words for field in FIELDS.values()],
        "bulk": list(bulk.DONE),
        "channels": [*CHANNELS, "web", "other", "any channel"],
        "states": ["opted_in", "opted_out", "unknown", "suppressed", "released", "erased"],
        "statuses": ["queued", "processing", "completed", "failed", "cancelled", "undone", "expired"],
        "kinds": [kind.capitalize() for kind in KINDS],
        "titles": sorted(_titles()),
        "traits": ["buyer", "repeat buyer", "open ticket", "highly engaged", "dormant"],
        "themes": list(visit.THEMES),
        "answers": ["yes", "no"],
        "sources": ["api", "import", "sdk", "inbound", "console", "consent api", "unsubscribe link", "web form"],
        "ages": [age for age, *_ in wording.AGES],
        "scopes": list(SCOPES.values()),
        "refusals": sorted(refusal.summary for refusal in refusals()),
    }
    return {text: name for name, texts in (tables | _of_pages()).items() for text in texts}


def _of_pages() -> dict[str, list[str]]:
    """The tables of words in the pages' code: every constant that maps to texts."""
    found: dict[str, list[str]] = {}
    for file in pkgutil.iter_modules(pages.__path__):
        module = importlib.import_module(f"{pages.__name__}.{file.name}")
        for name, value in vars(module).items():
            if name.isupper() and name[0] != "_" and name not in _UNSAID and isinstance(value, dict):
                texts = list(cast("dict[object, object]", value).values())
                found[f"{file.name}.{name}"] = [text for text in texts if isinstance(text, str)]
    return found


def _titles() -> set[str]:
    """The titles of our own events and the commonest ones, on every channel."""
    channels = [None, *CHANNEL_NAMES]
    return {title_of(type, channel, None) for type in TITLES for channel in channels}


def refusals() -> set[type[Refusal]]:
    """Every refusal the API may give, once all its features are loaded; the command line has some of its own."""
    assert OPERATIONS
    found: set[type[Refusal]] = set()
    waiting: list[type[Refusal]] = [Refusal]
    while waiting:
        found |= set(children := waiting.pop().__subclasses__())
        waiting += children
    ours = {refusal for refusal in found if refusal.__module__.startswith("orbit_contacts.")}
    return {refusal for refusal in ours if not refusal.__module__.startswith("orbit_contacts.interfaces.cli.")}


def everything() -> dict[str, str]:
    return in_tables() | in_code() | in_templates()
