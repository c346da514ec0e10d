"""Which contact an event is about: by id, or by any identifier, for a whole batch in a few statements."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from msgspec import UNSET

from orbit_contacts.core import ids
from orbit_contacts.core.database import Transaction
from orbit_contacts.core.errors import MissingField, NotFound, Refusal
from orbit_contacts.features.contacts import named
from orbit_contacts.features.contacts import queries as contact_queries
from orbit_contacts.features.contacts import service as contacts
from orbit_contacts.features.contacts.emails import email_key, parse_email
from orbit_contacts.features.contacts.models import NewContact
from orbit_contacts.features.contacts.named import Name
from orbit_contacts.features.contacts.phones import parse_phone, phone_key
from orbit_contacts.features.contacts.rules import Identifier
from orbit_contacts.features.events import queries

MAX_EXTERNAL_ID = 255


class Naming(NamedTuple):
    """How an event names its contact."""

    contact_id: str | None
    external_id: str | None
    phone: str | None
    email: str | None


class Known(NamedTuple):
    id: UUID
    blocked: bool


class Resolver:
    """Contacts of one batch; what was looked up once is remembered."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._identifiers: dict[tuple[str, str], Identifier | Refusal] = {}
        self._holders: dict[tuple[str, str], UUID] = {}
        self._live: dict[UUID, Known] = {}
        self._ids: dict[str, UUID | None] = {}

    async def look_up(self, namings: Iterable[Naming]) -> None:
        """Ask for all contacts that may be meant, in two statements."""
        wanted: dict[Identifier, None] = {}
        by_id: dict[UUID, None] = {}
        for naming in dict.fromkeys(namings):
            if naming.contact_id is not None:
                id = self._ids[naming.contact_id] = ids.parse("con", naming.contact_id)
                if id is not None:
                    by_id[id] = None
            else:
                wanted.update(dict.fromkeys(i for i in self._identifiers_of(naming) if isinstance(i, Identifier)))
        if wanted:
            # The look-up sees the index in its order.
            for row in await contact_queries.holders(self._tx, sorted(wanted)):
                self._holders[row["kind"], row["value"]] = row["contact_id"]
                by_id[row["contact_id"]] = None
        if by_id:
            contact_ids = sorted(by_id, key=_number)
            unusual = await queries.unusual(self._tx, contact_ids)
            for id in contact_ids:
                if unusual.get(id) is not False:
                    self._live[id] = Known(id, id in unusual)

    def _identifiers_of(self, naming: Naming) -> list[Identifier | Refusal]:
        """In the order in which they count."""
        return [
            self._identifier(kind, text)
            for kind, text in (("external_id", naming.external_id), ("phone", naming.phone), ("email", naming.email))
            if text is not None and text.strip()
        ]

    def _identifier(self, kind: str, text: str) -> Identifier | Refusal:
        found = self._identifiers.get((kind, text))
        if found is None:
            found = self._identifiers[kind, text] = self._parsed(kind, text)
        return found

    def _parsed(self, kind: str, text: str) -> Identifier | Refusal:
        try:
            if kind == "phone":
                phone = parse_phone(text, self._tx.caller.default_region)
                return Identifier("phone", phone_key(phone.e164), phone.e164)
            if kind == "email":
                email = parse_email(text)
                return Identifier("email", email_key(email), email)
        except Refusal as fault:
            return fault
        value = text.strip()
        if len(value) > MAX_EXTERNAL_ID or "\0" in value:
            return _nobody("external_id", value)
        return Identifier("external_id", value, value)

    async def resolve(self, namings: Sequence[Naming], *, create: bool, source: str) -> list[Known | Refusal]:
        """For each naming, looked up before, the live contact, or why there is none. `create` makes contacts nobody
        knows."""
        found = {naming: self._known(naming) for naming in dict.fromkeys(namings)}
        if create:
            unknown = [n for n, known in found.items() if isinstance(known, NotFound) and n.contact_id is None]
            found |= await self._create_all(unknown, source)
        return [found[naming] for naming in namings]

    def _known(self, naming: Naming) -> Known | Refusal:
        if naming.contact_id is not None:
            id = self._ids[naming.contact_id]
            known = None if id is None else self._live.get(id)
            return known or _nobody("contact_id", naming.contact_id)
        identifiers = self._identifiers_of(naming)
        if not identifiers:
            return MissingField(
                "The event names no contact.",
                field="contact_id",
                value=None,
                expected="contact_id, external_id, phone or email",
            )
        for identifier in identifiers:
            if isinstance(identifier, Identifier):
                holder = self._holders.get((identifier.kind, identifier.key))
                if holder is not None and (known := self._live.get(holder)) is not None:
                    return known
        fault = next((identifier for identifier in identifiers if isinstance(identifier, Refusal)), None)
        first = identifiers[0]
        return fault or _nobody(first.kind, first.value) if isinstance(first, Identifier) else fault or first

    async def _create_all(self, unknown: Sequence[Naming], source: str) -> dict[Naming, Known | Refusal]:
        """New contacts together; who shares an identifier with one before is that one."""
        first: list[Naming] = []
        taken: set[Identifier] = set()
        for naming in unknown:
            wanted = {i._replace(value="") for i in self._identifiers_of(naming) if isinstance(i, Identifier)}
            if wanted and wanted.isdisjoint(taken):
                first.append(naming)
            taken |= wanted
        if len(first) > 1:
            made = await named.create_each(
                self._tx, [Name(n.phone, n.email, n.external_id) for n in first], source=source
            )
            for naming, one in zip(first, made, strict=True):
                if one is not None:
                    self._remember(naming, Known(one.id, one.blocked))
        found: dict[Naming, Known | Refusal] = {}
        for naming in unknown:
            known = self._known(naming)
            found[naming] = await self._create(naming, source) if isinstance(known, NotFound) else known
        return found

    def _remember(self, naming: Naming, known: Known) -> Known:
        self._live[known.id] = known
        for identifier in self._identifiers_of(naming):
            if isinstance(identifier, Identifier):
                self._holders[identifier.kind, identifier.key] = known.id
        return known

    async def _create(self, naming: Naming, source: str) -> Known | Refusal:
        """A new contact of these identifiers; one that somebody else makes meanwhile is taken instead."""
        kinds = {i.kind for i in self._identifiers_of(naming) if isinstance(i, Identifier)}
        new = NewContact(
            external_id=naming.external_id if "external_id" in kinds else UNSET,
            phone=naming.phone if "phone" in kinds else UNSET,
            email=naming.email if "email" in kinds else UNSET,
        )
        # A refused creation must leave nothing behind, and the batch goes on.
        await self._tx.execute("SAVEPOINT creating")
        try:
            contact, _ = await contacts.create(self._tx, new, upsert=True, source=source)
        except Refusal as fault:
            await self._tx.execute("ROLLBACK TO SAVEPOINT creating")
            return fault
        await self._tx.execute("RELEASE SAVEPOINT creating")
        id = ids.parse("con", contact.id)
        assert id is not None
        return self._remember(naming, Known(id, contact.blocked))


def _number(id: UUID) -> int:
    return id.int


def _nobody(field: str, value: str) -> NotFound:
    return NotFound(
        f"There is no contact with this {field}.", field=field, value=value[:100], expected=f"the {field} of a contact"
    )
