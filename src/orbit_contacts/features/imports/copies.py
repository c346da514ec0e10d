"""What a plan writes, as bytes for COPY: made in a thread, while PostgreSQL is busy with the rows before. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.clock import Instant
from orbit_contacts.core.copying import (
    NULL,
    Encoded,
    bigint,
    boolean,
    columns,
    integer,
    jsonb,
    stream,
    text,
    texts,
    timestamptz,
    uuid,
    uuids,
)
from orbit_contacts.features.contacts.queries import FIELDS
from orbit_contacts.features.imports.planning import EMPTY_MAP, Claim, Plan, Touched
from orbit_contacts.features.timeline import service as timeline

_TEXTS: tuple[LiteralString, ...] = (
    *("phone", "phone_extension", "email", "external_id", "first_name", "last_name", "display_name", "company"),
    *("country_code", "timezone", "language", "lifecycle_stage"),
)
_FIELDS: tuple[LiteralString, ...] = (*_TEXTS, "tags", "metadata", "custom_fields")
assert _FIELDS == FIELDS

IDENTIFIER_COLUMNS: tuple[LiteralString, ...] = ("workspace_id", "kind", "value", "cell_id", "contact_id")
CONTACT_COLUMNS: tuple[LiteralString, ...] = (
    *("workspace_id", "cell_id", "bucket", "source", "created_at", "updated_at", "id", "search_text"),
    *_FIELDS,
)
STAGED_COLUMNS: tuple[LiteralString, ...] = ("cell_id", "id", "updated_at", "search_text", *_FIELDS)
MANIFEST_COLUMNS: tuple[LiteralString, ...] = (
    *("workspace_id", "import_id", "at", "cell_id", "contact_id", "created", "contact_updated_at"),
    *("changes", "tags", "list_ids"),
)

Group = tuple[int, str | None, str | None]
"""A cell, a lifecycle stage and a country: what live contacts are counted by."""

_GROUP = ("lifecycle_stage", "country_code")


class Copies(NamedTuple):
    """The rows of a plan, and what it means for the totals: contacts by group now, and contacts ever made."""

    identifiers: Encoded
    contacts: Encoded
    staged: Encoded
    events: list[timeline.Encoded]
    manifest: Encoded
    live: Counter[Group]
    ever: Counter[Group]


def copies_of(caller: Caller, import_id: UUID, plan: Plan, bucket: int, at: Instant, *, events: bool) -> Copies:
    """`bucket` is that of the new contacts. The manifest is that of a plan which puts nobody on a list."""
    live = group_changes(caller, plan.matched)
    cell = caller.cell(0)
    ever = Counter((cell, each.fields.get("lifecycle_stage"), each.fields.get("country_code")) for each in plan.created)
    live.update(ever)
    told: list[timeline.Encoded] = []
    if events:
        told = list(_events(caller, import_id, plan, at))
    return Copies(
        identifiers_of(caller, plan.claims),
        stream(_contacts(caller, plan.created, bucket, at)),
        staged_of(caller, plan.updated),
        told,
        manifest_of(caller, import_id, [*plan.created, *plan.updated], at, {}, {}),
        live,
        ever,
    )


def group_changes(caller: Caller, touched: Iterable[Touched]) -> Counter[Group]:
    """What contacts that were there mean for the totals."""
    live: Counter[Group] = Counter()
    for each in touched:
        changes, fields = each.changes, each.fields
        if changes and ("lifecycle_stage" in changes or "country_code" in changes):
            cell_id = caller.cell(ids.cell_number(each.id))
            stage, country = (changes[name]["old"] if name in changes else fields[name] for name in _GROUP)
            live[(cell_id, stage, country)] -= 1
            live[(cell_id, fields["lifecycle_stage"], fields["country_code"])] += 1
    return live


def identifiers_of(caller: Caller, claims: Iterable[Claim]) -> Encoded:
    """In the order given, in which they are taken."""
    head = columns(len(IDENTIFIER_COLUMNS)) + bigint(caller.workspace_id)
    heads = {kind: head + text(kind) for kind in ("phone", "email", "external_id")}
    cell = bigint(caller.cell(0))
    if caller.cell_count == 1:
        return stream(heads[kind] + text(key) + cell + uuid(id) for kind, key, id in claims)
    return stream(
        heads[kind] + text(key) + bigint(caller.cell(ids.cell_number(id))) + uuid(id) for kind, key, id in claims
    )


def _contacts(caller: Caller, created: Iterable[Touched], bucket: int, at: Instant) -> Iterator[bytes]:
    head = columns(len(CONTACT_COLUMNS)) + bigint(caller.workspace_id) + bigint(caller.cell(0)) + integer(bucket)
    head += text("import") + timestamptz(at) + timestamptz(at)
    tags: dict[tuple[str, ...], bytes] = {}
    for each in created:
        yield head + uuid(each.id) + text(each.search_text) + _values(each.fields, tags)


def staged_of(caller: Caller, updated: Iterable[Touched]) -> Encoded:
    """Every field of contacts that change."""
    head = columns(len(STAGED_COLUMNS))
    tags: dict[tuple[str, ...], bytes] = {}
    return stream(
        b"".join(
            (
                head,
                bigint(caller.cell(ids.cell_number(each.id))),
                uuid(each.id),
                timestamptz(each.updated_at),
                text(each.search_text),
                _values(each.fields, tags),
            )
        )
        for each in updated
    )


_NO_MAP = jsonb(EMPTY_MAP)


def _values(fields: Mapping[str, Any], tags: dict[tuple[str, ...], bytes]) -> bytes:
    """`tags` remembers how sets of them are written: most contacts of a file have the same few."""
    get = fields.get
    values = [NULL if (value := get(name)) is None else text(value) for name in _TEXTS]
    key = tuple(get("tags") or ())
    encoded = tags.get(key)
    if encoded is None:
        encoded = tags[key] = texts(key)
    values.append(encoded)
    for name in ("metadata", "custom_fields"):
        values.append(jsonb(msgspec.json.encode(value)) if (value := get(name)) else _NO_MAP)
    return b"".join(values)


def _events(caller: Caller, import_id: UUID, plan: Plan, at: Instant) -> Iterator[timeline.Encoded]:
    job = ids.text("imp", import_id)
    if plan.created:
        data = msgspec.json.encode({"source": "import", "import_job_id": job})
        yield timeline.encode_each(caller, at, "contact.created", [(each.id, data) for each in plan.created])
    if updated := plan.updated:
        encode = msgspec.json.Encoder().encode
        changes = [(each.id, encode({"changes": each.changes, "import_job_id": job})) for each in updated]
        yield timeline.encode_each(caller, at, "contact.updated", changes)


def manifest_of(
    caller: Caller,
    import_id: UUID,
    changed: Sequence[Touched],
    at: Instant,
    added: Mapping[UUID, Sequence[UUID]],
    fresh: Mapping[UUID, Instant],
) -> Encoded:
    """`added` are lists that contacts joined, `fresh` when contacts changed last, if later than the plan says."""
    return stream(_manifest(caller, import_id, changed, at, added, fresh))


def _manifest(
    caller: Caller,
    import_id: UUID,
    changed: Sequence[Touched],
    at: Instant,
    added: Mapping[UUID, Sequence[UUID]],
    fresh: Mapping[UUID, Instant],
) -> Iterator[bytes]:
    head = columns(len(MANIFEST_COLUMNS)) + bigint(caller.workspace_id) + uuid(import_id) + timestamptz(at)
    no_lists = uuids(())
    created = timestamptz(at) + jsonb(EMPTY_MAP) + texts(()) + no_lists
    for each in changed:
        id = each.id
        where = head + bigint(caller.cell(ids.cell_number(id))) + uuid(id) + boolean(each.changes is None)
        if each.changes is None and id not in added and id not in fresh:
            yield where + created
            continue
        kept = {name: change for name, change in (each.changes or {}).items() if name != "tags"}
        tags: list[str] = []
        if each.changes and "tags" in each.changes:
            old = set(each.changes["tags"]["old"])
            tags = [tag for tag in each.changes["tags"]["new"] if tag not in old]
        yield b"".join(
            (
                where,
                timestamptz(fresh.get(id, each.updated_at)),
                jsonb(msgspec.json.encode(kept)),
                texts(tags),
                uuids(added[id]) if id in added else no_lists,
            )
        )
