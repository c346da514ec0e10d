"""What a file is, from its first bytes; its name and type only help where the bytes leave a choice."""

import zlib
from typing import Literal

import msgspec

from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.features.imports.readers.bad_bytes import MARK_BAD
from orbit_contacts.features.imports.readers.dialect import DELIMITERS, Dialect, guess_dialect
from orbit_contacts.features.imports.readers.encoding import (
    EncodingCandidate,
    guess_encodings,
    known_encoding,
    strip_bom,
)
from orbit_contacts.features.imports.readers.rows import ReadLimits, nothing_to_read, unreadable
from orbit_contacts.features.imports.readers.sources import CHUNK_BYTES, Readable, open_binary, open_source

HEAD_BYTES = 128 * 1024
EVIDENCE_BYTES = 16 * 1024
ACCEPTED = "CSV, XLSX, XLS, ODS, vCard, NDJSON or JSON"

Kind = Literal["csv", "xlsx", "xls", "ods", "vcard", "ndjson", "json"]

_NOT_TABLES = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\xfd7zXZ", "an XZ archive"),
    (b"SQLite format 3", "a database"),
    (b"PAR1", "a Parquet file"),
)
_MARKUP = ("<!doctype html", "<html", "<table", "<?xml", "<ss:workbook", "<workbook")


class FileFormat(msgspec.Struct, frozen=True, kw_only=True):
    """How to read a file. A person may change any of it (`msgspec.structs.replace`) before it is read."""

    kind: Kind
    compression: Literal["gzip"] | None = None
    encoding: str = "utf-8"
    candidates: list[EncodingCandidate] = []
    dialect: Dialect = Dialect()
    sheet: str | None = None  # of a workbook; None is the first visible sheet with anything in it

    def with_delimiter(self, delimiter: str) -> "FileFormat":
        """The same with another delimiter; refuses one that is not supported."""
        if delimiter not in DELIMITERS:
            raise InvalidRequest(
                "The delimiter is not supported.",
                field="delimiter",
                value=delimiter,
                expected="one of , ; tab |",
            )
        return msgspec.structs.replace(self, dialect=msgspec.structs.replace(self.dialect, delimiter=delimiter))


def detect_file(readable: Readable, filename: str | None = None, content_type: str | None = None) -> FileFormat:
    """`detect` with a look through the whole file for bytes that tell the encoding: the first accent may
    be a hundred thousand rows down. A stream is set back to its beginning."""
    stream = open_binary(readable)
    try:
        head = stream.read(HEAD_BYTES)
        form = detect(head, filename, content_type)
        certain = form.candidates and form.candidates[0].confidence == 1.0 and form.encoding != "utf-8"
        if form.kind != "csv" or certain:
            return form
        stream.seek(0)
        evidence = _telling_lines(readable if isinstance(readable, bytes) else stream, form)
        return detect(head, filename, content_type, evidence=evidence) if evidence else form
    finally:
        if stream is not readable:
            stream.close()
        elif stream.seekable():
            stream.seek(0)


def detect(
    head: bytes, filename: str | None = None, content_type: str | None = None, *, evidence: bytes = b""
) -> FileFormat:
    """The format of a file by its first bytes (128 KiB do). Raises `Refusal` for an empty file and for
    what is no list of contacts."""
    name, kind_told = (filename or "").lower(), (content_type or "").lower()
    compression: Literal["gzip"] | None = None
    if head.startswith(b"\x1f\x8b"):
        compression, head, name = "gzip", _gunzipped(head), name.removesuffix(".gz")
    if not head.strip(b" \t\r\n\0"):
        raise nothing_to_read("The file is empty.")
    workbook = _workbook_kind(head, name)
    if workbook:
        if compression:
            raise unreadable("The workbook is compressed once more.", "gzip", "the workbook itself")
        return FileFormat(kind=workbook)
    _refuse_other_files(head)
    candidates = _with_charset(guess_encodings(head, evidence), kind_told, head)
    encoding = candidates[0].name
    text = strip_bom(head).decode(encoding, errors=MARK_BAD)
    start = text[:2000].lstrip("\ufeff \t\r\n").lower()
    if start.startswith(_MARKUP):
        raise unreadable("The file is a web page or an XML document, whatever its name says.", start[:60], ACCEPTED)
    kind = _text_kind(text.lstrip("\ufeff \t\r\n"), name, kind_told)
    if kind in ("ndjson", "json") and not encoding.startswith("utf-"):
        encoding = "utf-8"  # JSON is UTF-8; a stray byte is then the fault of its record
    delimiter = "\t" if kind_told.startswith("text/tab-separated") or name.endswith((".tsv", ".tab")) else None
    dialect = guess_dialect(text, delimiter) if kind == "csv" else Dialect()
    return FileFormat(kind=kind, compression=compression, encoding=encoding, candidates=candidates, dialect=dialect)


def _gunzipped(head: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error as error:
        raise unreadable(f"The compressed file is damaged: {error}.", "gzip", "an undamaged gzip file") from None


def _workbook_kind(head: bytes, name: str) -> Literal["xlsx", "xls", "ods"] | None:
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        if "EncryptedPackage".encode("utf-16-le") in head:
            raise unreadable("The workbook is protected by a password.", "encrypted", "a file without a password")
        return "xls"
    if not head.startswith(b"PK\x03\x04"):
        return None
    is_ods = b"opendocument.spreadsheet" in head[:200] or name.endswith(".ods")
    return "ods" if is_ods else "xlsx"


def _refuse_other_files(head: bytes) -> None:
    for magic, what in _NOT_TABLES:
        if head.startswith(magic):
            raise unreadable(f"The file is {what}.", what, ACCEPTED)


def _with_charset(candidates: list[EncodingCandidate], content_type: str, head: bytes) -> list[EncodingCandidate]:
    """A charset told with the type wins over a guess, never over a BOM or over good UTF-8."""
    told = content_type.partition("charset=")[2].partition(";")[0].strip(' "')
    if not told or (candidates[0].confidence >= 0.9 and candidates[0].name.startswith("utf-")):
        return candidates
    try:
        name = known_encoding(told)
    except InvalidRequest:
        return candidates
    sample = head[:1600].decode(name, errors="replace")[:200]
    return [EncodingCandidate(name, 0.95, sample), *(each for each in candidates if each.name != name)]


def _text_kind(text: str, name: str, content_type: str) -> Kind:
    if text[:11].upper() == "BEGIN:VCARD":
        return "vcard"
    if text.startswith(("{", "[")):
        opening = text[1:200].lstrip()
        if name.endswith((".ndjson", ".jsonl")) or "ndjson" in content_type or "jsonl" in content_type:
            return "ndjson"
        if text[0] == "[" and opening[:1] in ("{", "]", ""):
            return "json"
        if text[0] == "{" and opening[:1] in ('"', "}"):
            return "ndjson" if _is_object(text.partition("\n")[0]) else "json"
    return "csv"


def _is_object(line: str) -> bool:
    """True for a record on a line by itself, not for a document on one line that holds all contacts."""
    try:
        found = msgspec.json.decode(line.encode("utf-8", errors="replace"), type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        return False
    return not bytes(found.get("contacts", b"")).startswith(b"[")


def _telling_lines(readable: Readable, form: FileFormat) -> bytes:
    """Lines with bytes beyond ASCII from anywhere in the file, a few KiB of them."""
    limits = ReadLimits(max_bytes=1 << 62, max_expanded_bytes=1 << 62)
    source = open_source(readable, compression=form.compression, encoding="utf-8", limits=limits)
    found: list[bytes] = []
    size, carry, ended = 0, b"", False
    while size < EVIDENCE_BYTES and not ended:
        data = source.read(CHUNK_BYTES)
        ended = not data
        data = carry + data
        cut = len(data) if ended else data.rfind(b"\n") + 1
        carry = data[cut:][-CHUNK_BYTES:]
        if not data[:cut].isascii():
            telling = [line[:1000] for line in data[:cut].splitlines() if not line.isascii()]
            found.extend(telling)
            size += sum(map(len, telling))
    return b"\n".join(found)[:EVIDENCE_BYTES]
