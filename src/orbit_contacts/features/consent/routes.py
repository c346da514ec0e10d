"""Preferences, opt-outs, consent, its history, and the suppression list."""

from urllib.parse import urlsplit

import msgspec

from orbit_contacts.core import ids
from orbit_contacts.core.clock import format_instant
from orbit_contacts.core.database import Reader, Transaction, Unbound
from orbit_contacts.core.errors import (
    Conflict,
    InvalidChannel,
    InvalidEmail,
    InvalidPhoneNumber,
    InvalidRequest,
    MissingField,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from orbit_contacts.core.ids import ConsentId, ContactId, SuppressionId
from orbit_contacts.core.operations import Answer, Request, Routes
from orbit_contacts.core.pagination import Page, PageQuery
from orbit_contacts.features.consent import (
    history,
    optouts,
    queries,
    service,
    suppression_import,
    suppression_list,
    unsubscribe,
)
from orbit_contacts.features.consent.addresses import read_address
from orbit_contacts.features.consent.channels import tidy_channels
from orbit_contacts.features.consent.models import (
    AtQuery,
    Checkpoint,
    ConsentAt,
    ConsentInput,
    ConsentRecord,
    ConsentResult,
    ImportQuery,
    ImportResult,
    NewSuppression,
    OptedOutContact,
    OptOutsQuery,
    Preferences,
    PreferencesInput,
    RecordsQuery,
    SuppressionEntry,
    SuppressionQuery,
    UnsubscribeLink,
)
from orbit_contacts.features.consent.records import Evidence
from orbit_contacts.features.consent.upload import CSV, FORM, MAX_BYTES, read_upload
from orbit_contacts.features.contacts import service as contacts

routes = Routes("Consent")

_IDENTIFIER = (InvalidPhoneNumber, InvalidEmail, MissingField)
_MAX_METADATA = 16 * 1024


@routes.get("/contacts/{id}/preferences", scope="contacts:read")
async def get_preferences(reader: Reader, id: ContactId) -> Preferences:
    """The consent of a contact on every channel: opted_in, opted_out or unknown, and where that comes from."""
    return await history.preferences(reader, id)


async def _set_preferences(tx: Transaction, id: ContactId, body: PreferencesInput) -> Preferences:
    wanted = service.read_preferences(body.preferences)
    if not await service.set_preferences(tx, [id], wanted, Evidence(source="preferences_api")):
        raise contacts.not_found(id)
    return await history.preferences(tx, id)


@routes.put("/contacts/{id}/preferences", scope="contacts:write", refuses=(InvalidChannel, InvalidRequest))
async def set_preferences(tx: Transaction, id: ContactId, body: PreferencesInput) -> Preferences:
    """Opt a contact in or out, channel by channel; channels that are not named stay as they are.

    An opt-out suppresses the contact's addresses for that channel at once; an opt-in lifts that. Null or `unknown`
    takes back an opt-in; an opt-out is lifted by an opt-in alone.
    """
    return await _set_preferences(tx, id, body)


@routes.patch("/contacts/{id}/preferences", scope="contacts:write", refuses=(InvalidChannel, InvalidRequest))
async def patch_preferences(tx: Transaction, id: ContactId, body: PreferencesInput) -> Preferences:
    """Opt a contact in or out, channel by channel; the same as PUT."""
    return await _set_preferences(tx, id, body)


@routes.get("/contacts/optouts", scope="contacts:read", refuses=(InvalidChannel,))
async def list_opt_outs(reader: Reader, query: OptOutsQuery) -> Page[OptedOutContact]:
    """Contacts opted out of at least one channel, newest opt-out first."""
    return await optouts.list_opt_outs(reader, query)


@routes.get("/contacts/{id}/consent/history", scope="compliance:read")
async def consent_history(reader: Reader, id: ContactId, query: PageQuery) -> Page[ConsentRecord]:
    """Every record of a contact's consent, newest first; each continues the hash of the one before."""
    return await history.of_contact(reader, id, query)


@routes.get("/contacts/{id}/consent", scope="compliance:read")
async def consent_at(reader: Reader, id: ContactId, query: AtQuery) -> ConsentAt:
    """What the state of every channel was at an instant, and which record decided it."""
    return await history.at(reader, id, query)


@routes.post(
    "/compliance/consent", scope="compliance:write", status=201, refuses=(InvalidChannel, NotFound, *_IDENTIFIER)
)
async def record_consent(tx: Transaction, body: ConsentInput) -> ConsentResult:
    """Record consent given (`opt_in: true`) or withdrawn, with its proof.

    Fans out to the ledger, the contact's preferences and the suppression list, effective at once. `contact_id` or
    `identifier` says whose consent it is; an identifier that no contact holds is 404.
    """
    channels = tidy_channels(body.channels)
    evidence = _evidence(body)
    contact_id = await _whose(tx, body)
    records = await service.record_consent(tx, contact_id, channels, opt_in=body.opt_in, evidence=evidence)
    return ConsentResult(
        contact_id=ids.contact_text(contact_id),
        consent_record_ids=[ids.text("cr", record) for record in records],
        channels=channels,
        opt_in=body.opt_in,
        source=body.source,
        consent_type=body.consent_type,
        recorded_at=format_instant(tx.now),
    )


def _evidence(body: ConsentInput) -> Evidence:
    if body.consent_proof_url is not None:
        try:
            url = urlsplit(body.consent_proof_url)
        except ValueError:
            url = urlsplit("")
        if url.scheme not in ("http", "https") or not url.netloc:
            raise InvalidRequest(
                "`consent_proof_url` is no web address.",
                field="consent_proof_url",
                value=body.consent_proof_url[:100],
                expected="http://… or https://…",
            )
    if (size := len(msgspec.json.encode(body.metadata or {}))) > _MAX_METADATA:
        raise InvalidRequest(
            "`metadata` is too large.", field="metadata", value=size, expected=f"at most {_MAX_METADATA} bytes of JSON"
        )
    return Evidence(
        source=body.source,
        consent_type=body.consent_type,
        lawful_basis=body.lawful_basis,
        text_version=body.consent_text_version,
        details={
            "purpose": body.purpose,
            "consent_proof_url": body.consent_proof_url,
            "metadata": body.metadata,
        },
    )


async def _whose(tx: Transaction, body: ConsentInput) -> ContactId:
    if (body.contact_id is None) == (body.identifier is None):
        raise MissingField(
            "Say whose consent: `contact_id` or `identifier`.",
            field="contact_id",
            value=body.contact_id,
            expected="exactly one of contact_id, identifier",
        )
    if body.identifier is not None:
        address = read_address(body.identifier, None, "identifier")
        holder = (await queries.holders(tx, [address])).get((address.kind, address.key))
        if holder is None:
            raise NotFound(
                "No contact has this identifier.",
                field="identifier",
                value=body.identifier[:100],
                expected="one of a contact",
            )
        return ContactId(holder)
    id = ids.parse("con", body.contact_id or "")
    if id is None:
        raise NotFound(
            "There is no such contact.", field="contact_id", value=(body.contact_id or "")[:64], expected="con_…"
        )
    return ContactId(id)


@routes.get("/compliance/consent", scope="compliance:read", refuses=_IDENTIFIER)
async def list_consent_records(reader: Reader, query: RecordsQuery) -> Page[ConsentRecord]:
    """Records about an address or a contact, newest first; also of people that were erased since."""
    return await history.records(reader, query)


@routes.get("/compliance/consent/checkpoints", scope="compliance:read")
async def list_consent_checkpoints(reader: Reader, query: PageQuery) -> Page[Checkpoint]:
    """Checkpoints of the ledger, newest first. Kept elsewhere, one proves that nothing before it was taken away."""
    return await history.checkpoints(reader, query)


@routes.get("/compliance/consent/{id}", scope="compliance:read")
async def get_consent_record(reader: Reader, id: ConsentId) -> ConsentRecord:
    """One record of the ledger."""
    return await history.record(reader, id)


@routes.get("/compliance/suppression-list", scope="compliance:read", refuses=(InvalidChannel, *_IDENTIFIER))
async def list_suppressions(reader: Reader, query: SuppressionQuery) -> Page[SuppressionEntry]:
    """Suppressed addresses, newest first. An address is found by `address` even when it is no longer shown."""
    return await suppression_list.get(reader, query)


@routes.post(
    "/compliance/suppression-list",
    scope="compliance:write",
    status=201,
    also=(200,),
    refuses=(InvalidChannel, *_IDENTIFIER),
)
async def add_suppression(tx: Transaction, body: NewSuppression) -> Answer[SuppressionEntry]:
    """Suppress an address, held by a contact or not; 200 when it was suppressed already."""
    entry, added = await suppression_list.add(tx, body)
    return Answer(entry, status=201 if added else 200)


@routes.delete("/compliance/suppression-list/{id}", scope="compliance:write", status=204, refuses=(Conflict,))
async def remove_suppression(tx: Transaction, id: SuppressionId) -> None:
    """Remove an entry that was added by hand or by import; one that a person brought about is lifted by an opt-in."""
    await suppression_list.remove(tx, id)


@routes.post(
    "/compliance/suppression-list/import",
    scope="compliance:import",
    accepts=(FORM, CSV),
    max_body=MAX_BYTES + 64 * 1024,
    per_minute=5,
    refuses=(PayloadTooLarge, UnsupportedMediaType, InvalidRequest, MissingField),
)
async def import_suppressions(work: Unbound, query: ImportQuery, request: Request) -> ImportResult:
    """Suppress every address of a CSV file (at most 25 MB and 100,000 rows); a bad row never fails the call.

    Where rate limits are enforced, 5 calls a minute.

    Columns `phone`, `email` or `address`, and optionally `scope`, `reason`, `country`. Options may stand in the form
    beside `file`, or in the query. Phone numbers are suppressed for `all` channels unless `scope` says otherwise.
    """
    upload = await read_upload(request)
    given = msgspec.to_builtins(query) | {name: value for name, value in upload.fields.items() if value}
    try:
        options = msgspec.convert(given, ImportQuery, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            f"The form's fields cannot be used: {error}", field="body", value=None, expected="see the fields"
        ) from None
    return await suppression_import.import_file(work, upload.content, options)


@routes.post("/contacts/{id}/unsubscribe-link", scope="compliance:write", refuses=(InvalidRequest,))
async def create_unsubscribe_link(tx: Transaction, id: ContactId, request: Request) -> UnsubscribeLink:
    """The unsubscribe link of a contact's e-mail address, and the headers for one-click unsubscribe (RFC 8058).

    The link needs no login and does not expire. Opening it changes nothing; its button, or a mail program's own,
    opts the contact out of e-mail.
    """
    return await unsubscribe.link(tx, id, f"https://{request.header('host') or 'localhost'}")
