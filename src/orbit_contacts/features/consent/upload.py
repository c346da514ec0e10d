"""A CSV file out of a request: as the one file of a form, or as the body itself."""

from collections.abc import AsyncGenerator
from typing import NamedTuple

from python_multipart.exceptions import FormParserError
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from orbit_contacts.core.errors import InvalidRequest, MissingField, PayloadTooLarge, UnsupportedMediaType
from orbit_contacts.core.operations import Request

MAX_BYTES = 25 * 1024 * 1024
FORM = "multipart/form-data"
CSV = "text/csv"


class Upload(NamedTuple):
    """The bytes of the file, and the fields beside it."""

    content: bytes
    fields: dict[str, str]


async def read_upload(request: Request) -> Upload:
    content_type = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if content_type == FORM:
        upload = await _read_form(request)
    elif content_type == CSV:
        upload = Upload(request.body, {})
    else:
        raise UnsupportedMediaType(field="Content-Type", value=content_type[:100], expected=f"{FORM} or {CSV}")
    if len(upload.content) > MAX_BYTES:
        raise PayloadTooLarge(
            "The file is too large.", field="file", value=len(upload.content), expected=f"at most {MAX_BYTES} bytes"
        )
    return upload


async def _read_form(request: Request) -> Upload:
    async def body() -> AsyncGenerator[bytes]:
        yield request.body

    headers = Headers(raw=list(request.headers.items()))
    try:
        form = await MultiPartParser(headers, body(), max_files=1, max_fields=20, max_part_size=64 * 1024).parse()
    except (MultiPartException, FormParserError, KeyError, UnicodeError) as error:
        raise InvalidRequest(
            "The form cannot be read.",
            field="body",
            value=str(error)[:100],
            expected="multipart/form-data with one file",
        ) from None
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise MissingField("`file` is required.", field="file", value=None, expected="a CSV file")
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    return Upload(await file.read(), fields)
