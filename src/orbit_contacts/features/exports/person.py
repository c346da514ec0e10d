"""One person's whole data, for an access request: everything stored that hangs on the contact, as one JSON document."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.database import Reader, Unbound
from orbit_contacts.core.operations import Stream
from orbit_contacts.core.pagination import Page, PageQuery
from orbit_contacts.features.consent import history
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.exports import queries
from orbit_contacts.features.lists import service as lists
from orbit_contacts.features.notes import service as notes

_PAGE = 200

encode = msgspec.json.encode


async def export_person(work: Unbound, id: UUID) -> Stream:
    """The document as a stream; an unknown contact is refused before anything is sent."""
    async with work.reader() as reader:
        contact = await contacts.get(reader, id)

    async def document() -> AsyncIterator[bytes]:
        yield b'{"data":{"contact":' + encode(contact)
        async with work.reader() as reader:
            yield b',"identifiers":' + encode([dict(row) for row in await queries.identifiers_of(reader, id)])
            yield b',"preferences":' + encode(await history.preferences(reader, id))
            yield b',"lists":' + encode(await lists.lists_of(reader, id))
            async for part in _all("consent_history", lambda query: history.of_contact(reader, id, query)):
                yield part
            async for part in _all("notes", lambda query: notes.list_notes(reader, id, query)):
                yield part
            async for part in _events(reader, id):
                yield part
        yield b'},"meta":{"exported_at":' + encode(format_instant(work.now)) + b"}}"

    name = f"contact_{ids.contact_text(id)}.json"
    return Stream("application/json", document(), {"Content-Disposition": f'attachment; filename="{name}"'})


async def _all(name: str, page_of: Callable[[PageQuery], Awaitable[Page[Any]]]) -> AsyncIterator[bytes]:
    """Every page of a list as one array."""
    yield f',"{name}":['.encode()
    query, first = PageQuery(limit=_PAGE), True
    while True:
        page = await page_of(query)
        for item in page.items:
            yield (b"" if first else b",") + encode(item)
            first = False
        if page.cursor is None:
            break
        query = PageQuery(limit=_PAGE, cursor=page.cursor)
    yield b"]"


async def _events(reader: Reader, id: UUID) -> AsyncIterator[bytes]:
    yield b',"events":['
    after: tuple[int, UUID] | None = None
    while rows := await queries.events_of(reader, id, after, _PAGE):
        for row in rows:
            event = {
                "id": ids.text("evt", row["id"]),
                "type": row["type"],
                "channel": row["channel"],
                "direction": row["direction"],
                "timestamp": format_instant(row["occurred_at"]),
                "data": row["data"],
            }
            yield (b"," if after is not None else b"") + encode(event)
            after = (row["occurred_at"], row["id"])
    yield b"]"
