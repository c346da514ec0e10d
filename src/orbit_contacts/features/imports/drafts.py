"""A file on its way to being imported: kept while somebody looks into it and decides how it is read."""

import asyncio
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from asyncpg.protocol import Record

from orbit_contacts.core import ids
from orbit_contacts.core.clock import DAY, Instant
from orbit_contacts.core.database import Reader, Transaction, Unbound
from orbit_contacts.core.errors import NotFound
from orbit_contacts.core.idempotency import Once
from orbit_contacts.features.imports import draft_queries, service
from orbit_contacts.features.imports.models import BulkQuery, ImportResult, Preview
from orbit_contacts.features.imports.preview import preview as preview_upload
from orbit_contacts.features.imports.readers import detect_file
from orbit_contacts.features.imports.upload import upload_of_file

KEPT = 20  # drafts of a workspace; a new one takes the oldest one's place
LIFETIME = DAY


class Draft(NamedTuple):
    """`size` in bytes; `import_id` is the import that was made of it, if it was."""

    id: UUID
    file_name: str | None
    content_type: str
    size: int
    choices: BulkQuery
    import_id: UUID | None
    created_at: Instant


async def keep(work: Unbound, content: bytes, file_name: str | None, content_type: str) -> UUID:
    """Keep a file for a day. Raises `Refusal` for one that is too large or certainly no list of contacts."""
    upload = upload_of_file(content, file_name, content_type, BulkQuery())
    await asyncio.to_thread(detect_file, content, upload.file_name, content_type)
    id = ids.mint(work.now)
    async with work.transaction() as tx:
        choices = msgspec.json.encode(BulkQuery())
        await draft_queries.insert(tx, id, upload.file_name, content_type[:200], content, choices)
        await draft_queries.drop_beyond(tx, KEPT)
    return id


async def get(reader: Reader, id: UUID) -> Draft:
    return _draft(await draft_queries.find(reader, id), id)


def _draft(row: Record | None, id: UUID) -> Draft:
    if row is None:
        raise NotFound(
            "The file is no longer here: it is kept for a day. Choose it once more.",
            field="id",
            value=ids.text("dft", id),
            expected="a draft of the last day",
        )
    choices = msgspec.json.decode(row["choices"], type=BulkQuery)
    return Draft(
        row["id"],
        row["file_name"],
        row["content_type"],
        row["size"],
        choices,
        row["import_id"],
        row["created_at"],
    )


async def preview(work: Unbound, draft: Draft, choices: BulkQuery) -> Preview:
    """How the file is read with these choices, and what would become of its first 1,000 rows."""
    async with work.reader() as reader:
        content = await draft_queries.content(reader, draft.id)
    upload = upload_of_file(content, draft.file_name, draft.content_type, choices)
    return await preview_upload(work, upload._replace(options=msgspec.structs.replace(upload.options, dry_run=True)))


async def choose(tx: Transaction, id: UUID, choices: BulkQuery) -> None:
    await draft_queries.choose(tx, id, msgspec.json.encode(choices))


async def discard(tx: Transaction, id: UUID) -> None:
    await draft_queries.delete(tx, id)


class AlreadyStarted(Exception):
    """Somebody pressed twice, or came back to a page of before: the import is `import_id`."""

    def __init__(self, import_id: UUID) -> None:
        super().__init__(import_id)
        self.import_id = import_id


class _OncePerDraft(Once):
    """A draft becomes one import: the transaction that makes it settles the draft, too."""

    __slots__ = ("_id",)

    def __init__(self, id: UUID) -> None:
        super().__init__()
        self._id = id

    async def claim(self, tx: Transaction) -> None:
        draft = _draft(await draft_queries.lock(tx, self._id), self._id)
        if draft.import_id is not None:
            raise AlreadyStarted(draft.import_id)

    async def store(self, tx: Transaction, result: Any) -> None:
        import_id = ids.parse("imp", result.data.import_job_id)
        assert import_id is not None
        await draft_queries.set_started(tx, self._id, import_id)


async def start(work: Unbound, id: UUID) -> ImportResult:
    """Import the file as chosen. Raises `AlreadyStarted` the second time."""
    async with work.reader() as reader:
        content = await draft_queries.content(reader, id)
        draft = await get(reader, id)  # after the file, which whoever starts takes away
    if draft.import_id is not None:
        raise AlreadyStarted(draft.import_id)
    upload = upload_of_file(content, draft.file_name, draft.content_type, draft.choices)
    return (await service.receive(work, upload, _OncePerDraft(id))).data


def settle(shown: Mapping[int, str], wanted: Mapping[int, str]) -> dict[int, str]:
    """The field of each column ('' for none) after a person changed some: a field chosen anew leaves the column that
    had it. `shown` is what they saw. Two columns that both got it anew are left for the import to refuse."""
    anew = {field for place, field in wanted.items() if field != shown.get(place, "")}
    return {
        place: "" if field in anew and field == shown.get(place) and field != "tags" else field
        for place, field in wanted.items()
    }


async def forget_old(tx: Transaction) -> None:
    await draft_queries.delete_old(tx, tx.now - LIFETIME)
