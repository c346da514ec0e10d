"""Exports, as the API takes and shows them."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from orbit_contacts.core.errors import Refusal

Format = Literal["csv", "json", "ndjson", "xlsx", "vcard", "parquet"]

CONTENT_TYPES: dict[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "vcard": "text/vcard; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
ENDINGS = {"vcard": "vcf"}


class ExportExpired(Refusal):
    code, status, summary = "EXPORT_EXPIRED", 410, "The file was kept for 24 hours and is gone."


class ExportNotReady(Refusal):
    code, status, summary = "CONFLICT", 409, "The file is still being written."


class NewExport(msgspec.Struct, kw_only=True):
    """`{}` exports every live contact with every field as CSV."""

    format: Annotated[Format, Meta(description="`parquet` needs the extra of that name on the server.")] = "csv"
    fields: Annotated[list[str], Meta(description="Columns, in order; all when empty.", max_length=200)] = []
    filters: Annotated[dict[str, Any], Meta(description="Filters of the contact list.")] = {}
    segment_id: str | None = None
    list_id: str | None = None
    contact_ids: Annotated[list[str], Meta(description="Only these.", max_length=10_000)] | None = None


class Export(msgspec.Struct, kw_only=True):
    export_id: str
    status: Annotated[str, Meta(description="queued, processing, completed or failed.")]
    format: str
    row_count: int
    size_bytes: int
    download_url: Annotated[
        str | None,
        Meta(
            description="Path of the file on this server once it is completed. Signed: whoever has it needs no key "
            "until `expires_at`. With a key, `GET /contacts/exports/{id}/download` gives the same."
        ),
    ]
    created_at: str
    completed_at: str | None
    expires_at: str
