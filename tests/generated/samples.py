"""What generated calls need to know of each feature and cannot see in the OpenAPI document.

A feature says it in `tests/features/<feature>/samples.py`, in one `SAMPLES = Samples(...)`: how to make the things
its ids stand for, and bodies where the schema alone does not tell what is accepted. A new operation whose generated
call fails, or whose path needs an id nobody makes, fails the generated tests until its feature says so.
"""

import importlib
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from orbit_contacts.core import ids
from tests.conftest import Client

FEATURES = Path(__file__).parents[1] / "features"


class Owned(Mapping[str, str]):
    """One thing of each id prefix in a workspace, made when it is first asked for; all hang on one contact."""

    def __init__(self, api: Client) -> None:
        self.api = api
        self._made: dict[str, str] = {}

    def __getitem__(self, prefix: str) -> str:
        if prefix not in self._made:
            self._made[prefix] = gathered().makers[prefix](self.api, self)
        return self._made[prefix]

    def __iter__(self) -> Iterator[str]:
        return iter(gathered().makers)

    def __len__(self) -> int:
        return len(gathered().makers)

    def forget(self, prefix: str) -> None:
        """Make a new one next time: the last was deleted."""
        self._made.pop(prefix, None)


Maker = Callable[[Client, Owned], str]
Body = Callable[[Owned], Any]


class Samples(NamedTuple):
    """What one feature says; keys are id prefixes, field names, or operation ids."""

    makers: Mapping[str, Maker] = {}
    """Prefix to a function that makes one through the API and gives its id."""
    fields: Mapping[str, str | None] = {}
    """Body or query field, as `name` or `operation.name`, to the prefix of the ids it holds; None when it holds no id
    of ours. Names made of the types in `core/ids.py` (`contact_id`, `list_ids`) are known."""
    bodies: Mapping[str, Body] = {}
    """Operation id to a body that is accepted, given things of the caller's own."""
    queries: Mapping[str, Callable[[Owned], dict[str, Any]]] = {}
    """Operation id to the query it needs."""
    paths: Mapping[tuple[str, str], Callable[[Owned], str]] = {}
    """(Operation id, path parameter that is not an id) to a value."""
    before: Mapping[str, Callable[[Client, Owned], object]] = {}
    """Operation id to what must happen first, through the API, for the call to be accepted."""
    headers: Mapping[str, Mapping[str, str]] = {}
    """Operation id to headers it needs, e.g. the Content-Type of a body that is not JSON."""
    foreign: Mapping[str, tuple[Callable[[Owned, Mapping[str, str]], Any], ...]] = {}
    """Operation id to bodies that name things where the schema does not show it (rules, filters, parameters), or that
    the sample body rules out: given things of the caller's own, and ids by prefix to name."""
    public: Mapping[str, str] = {}
    """Operation id to the reason why it needs no key."""
    organization_wide: frozenset[str] = frozenset()
    """Prefixes of things that live and test workspaces of an organization share."""


@cache
def gathered() -> Samples:
    """All features' samples as one."""
    merged = {name: dict[Any, Any]() for name in Samples._fields if name != "organization_wide"}
    shared: frozenset[str] = frozenset()
    for name in _id_fields():
        merged["fields"][name] = _id_fields()[name]
    for file in sorted(FEATURES.glob("*/samples.py")):
        samples: Samples = importlib.import_module(f"tests.features.{file.parent.name}.samples").SAMPLES
        for name, table in merged.items():
            table |= getattr(samples, name)
        shared |= samples.organization_wide
    return Samples(**merged, organization_wide=shared)


@cache
def _id_fields() -> dict[str, str]:
    """`contact_id` and `contact_ids` hold `con_…`: the spelling of each id type as a field."""
    found: dict[str, str] = {}
    for kind, prefix in ids.PREFIXES.items():
        words = re.sub(r"(?<!^)(?=[A-Z])", "_", getattr(kind, "__name__", "")).lower()
        found |= {words: prefix, f"{words}s": prefix}
    return found


def word() -> str:
    """A text nobody used before; the same in every comparison (`same_but_ids`)."""
    return secrets.token_hex(8)
