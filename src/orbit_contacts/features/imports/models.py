"""Imports as the API takes and shows them, and what is stored about how a file is read."""

from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from orbit_contacts.core.errors import Refusal
from orbit_contacts.features.contacts.models import NewContact
from orbit_contacts.features.imports.readers import FileFormat
from orbit_contacts.features.imports.transforms import ColumnMapping

Mode: TypeAlias = Literal["upsert", "create", "update"]
Key: TypeAlias = Literal["auto", "external_id", "phone", "email"]
Collision: TypeAlias = Literal["overwrite", "only_if_blank", "never"]

MAX_CONTACTS = 10_000


class ImportNotRollbackable(Refusal):
    code, status, summary = "IMPORT_NOT_ROLLBACKABLE", 409, "The import is still running, or changed nothing."


class ImportRollbackExpired(Refusal):
    code, status, summary = "IMPORT_ROLLBACK_EXPIRED", 409, "More than 24 hours have passed since the import ended."


class ImportAlreadyRolledBack(Refusal):
    code, status, summary = "IMPORT_ALREADY_ROLLED_BACK", 409, "The import was rolled back before."


class OptionFields(msgspec.Struct, kw_only=True):
    """How rows become contacts; the same in a JSON body, in form fields and in the query."""

    mode: Annotated[Mode | None, Meta(description="upsert (default), create or update.")] = None
    dedupe_by: Annotated[
        Key | None, Meta(description="auto (default: external_id, then phone, then email) or one of the three.")
    ] = None
    list_id: Annotated[str | None, Meta(description="A list that every created or matched contact joins.")] = None
    list_ids: Annotated[list[str], Meta(description="More lists.", max_length=100)] = []
    tags: Annotated[list[str], Meta(description="Tags that every created or matched contact gets.")] = []
    default_country_code: Annotated[str | None, Meta(description="ISO 3166-1 alpha-2, for national phone numbers.")] = (
        None
    )
    dry_run: Annotated[bool | None, Meta(description="Count only; nothing is changed.")] = None
    emit_events: Annotated[
        bool | None, Meta(description="false: no contact.created and contact.updated for the rows.")
    ] = None
    if_deleted: Annotated[
        Literal["create", "skip"] | None,
        Meta(
            description="For rows of people who were deleted in the last 30 days: create them anew (default) and "
            "name them in `warnings`, or skip them. `POST /contacts/{id}/restore` brings the deleted one back."
        ),
    ] = None
    collision: Annotated[
        Collision | None,
        Meta(description="When a contact that was there has another value: overwrite (default), only_if_blank, never."),
    ] = None


class BulkQuery(OptionFields, kw_only=True):
    """Options beside a file that is the body itself."""

    mapping: Annotated[
        str | None, Meta(description='JSON object, header to field: `{"E-mail": "email", "Notes": null}`.')
    ] = None
    collisions: Annotated[str | None, Meta(description='JSON object, field to rule: `{"company": "never"}`.')] = None
    encoding: Annotated[str | None, Meta(description="Instead of the detected one, e.g. cp1254.")] = None
    delimiter: Annotated[str | None, Meta(description="Instead of the detected one: , ; | or a tab.")] = None
    sheet: Annotated[str | None, Meta(description="The sheet of a workbook; the first with content when absent.")] = (
        None
    )
    filename: Annotated[str | None, Meta(description="Shown with the import; its ending helps detection.")] = None


class BulkImport(OptionFields, kw_only=True):
    """Contacts as in `POST /contacts`; a bad one is skipped and reported, and never fails the call."""

    contacts: Annotated[list[NewContact], Meta(min_length=1, max_length=MAX_CONTACTS)]
    collisions: Annotated[dict[str, Collision], Meta(description="The rule for single fields.")] = {}


class BulkBody(OptionFields, kw_only=True):
    """`BulkImport` with each contact still to be read."""

    contacts: list[Raw] | UnsetType = UNSET
    collisions: dict[str, Collision] = {}


class ImportOptions(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The options of a job, all settled; stored with it."""

    mode: Mode = "upsert"
    dedupe_by: Key = "auto"
    list_ids: list[UUID] = []
    tags: list[str] = []
    default_country_code: str | None = None
    dry_run: bool = False
    emit_events: bool = True
    if_deleted: Literal["create", "skip"] = "create"
    collision: Collision = "overwrite"
    collisions: dict[str, Collision] = {}


class Reading(msgspec.Struct, kw_only=True, omit_defaults=True):
    """How the file of a job is read; stored with it. `header` is that of `skipped.csv`."""

    format: FileFormat
    header: list[str]
    mapping: list[ColumnMapping] = []
    own: bool = False  # written by this product: metadata keeps its types
    remember: bool = False  # a person chose the mapping


class RowError(msgspec.Struct, kw_only=True):
    row: Annotated[int, Meta(description="As a spreadsheet counts, the header being 1; in JSON from 1.")]
    code: str
    field: str | None
    message: str


class Warning(msgspec.Struct, kw_only=True):
    row: int
    code: Annotated[str, Meta(description="DELETED_CONTACT")]
    field: str
    message: str
    contact_id: str


class Kept(msgspec.Struct, kw_only=True):
    contact_id: str
    reason: str


class Rollback(msgspec.Struct, kw_only=True):
    """What a rollback did; `kept` names the first 10,000 contacts on which something newer stays."""

    status: str
    deleted: int = 0
    restored: int = 0
    kept: list[Kept] = []
    kept_total: int = 0


class ImportResult(msgspec.Struct, kw_only=True):
    """An import: what became of its rows."""

    import_job_id: str
    status: Annotated[
        str,
        Meta(description="queued, processing, completed, failed, cancelled, rolling_back or rolled_back"),
    ]
    total: int
    created: int
    updated: int
    unchanged: Annotated[int, Meta(description="Matched, and nothing in the row was new.")]
    skipped: int
    errors: Annotated[list[RowError], Meta(description="The first 100 skipped rows.")]
    warnings: Annotated[list[Warning], Meta(description="The first 100 rows of people who were deleted before.")]
    skipped_csv_url: str
    rollback_expires_at: str | None
    dry_run: bool
    created_at: str


class ImportJob(ImportResult, kw_only=True):
    """An import with its progress."""

    processed: int
    progress: Annotated[float, Meta(description="0 to 1.")]
    rows_per_second: float | None
    eta_seconds: float | None
    file_name: str | None
    format: str
    columns: Annotated[dict[str, str | None], Meta(description="Header to field; null is not read.")]
    options: Annotated[Raw, Meta(extra_json_schema={"type": "object"})]
    error: str | None
    created_by: str
    started_at: str | None
    finished_at: str | None
    rollback: Rollback | None


class Encoding(msgspec.Struct, kw_only=True):
    name: str
    confidence: float
    sample: str


class PreviewColumn(msgspec.Struct, kw_only=True):
    header: str
    field: Annotated[str | None, Meta(description="What the column is read as; null when it is left out.")]
    confidence: float
    why: str
    samples: Annotated[list[str], Meta(description="Up to five values.")]


class PreviewRow(msgspec.Struct, kw_only=True):
    row: int
    cells: list[str]
    fault: str | None


class Preview(msgspec.Struct, kw_only=True):
    """How a file would be read; nothing is stored."""

    kind: Annotated[str, Meta(description="csv, xlsx, xls, ods, vcard, ndjson or json")]
    compression: str | None
    encoding: str
    encodings: list[Encoding]
    delimiter: str | None
    sheets: Annotated[list[str], Meta(description="Of a workbook: what `sheet` can be; empty for other files.")]
    has_header: bool
    total: int
    columns: list[PreviewColumn]
    rows: Annotated[list[PreviewRow], Meta(description="The first ten.")]
    dry_run: Annotated[
        ImportResult | None,
        Meta(description="With `dry_run=true`: what would become of the first 1,000 rows."),
    ]


class RunImport(msgspec.Struct):
    """Payload of the jobs of one import."""

    import_id: UUID


class ConsentFields(NewContact, kw_only=True):
    """A contact in a file; only what closes a channel is read of its consent."""

    preferences: Any = UNSET
    consent: Any = UNSET
