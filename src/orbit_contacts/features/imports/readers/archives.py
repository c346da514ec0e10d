"""Zipped office files, looked over before anything in them is unpacked."""

import struct
import tempfile
import zipfile
from typing import IO

from orbit_contacts.features.imports.readers.rows import MEBIBYTE, ReadLimits, too_large, unreadable
from orbit_contacts.features.imports.readers.sources import (
    CHUNK_BYTES,
    PlainSource,
    Readable,
    check_expansion,
    open_binary,
)

MAX_ENTRIES = 5_000
MAX_DIRECTORY_BYTES = MEBIBYTE
SPOOLED_IN_MEMORY = 8 * MEBIBYTE
_END = b"PK\x05\x06"


def open_archive(readable: Readable, limits: ReadLimits) -> zipfile.ZipFile:
    """The archive, if its directory is small, and no part of it unpacks beyond the limits. `zipfile` gives
    no more of a part than the directory states, so the directory's figures are safe to judge by."""
    stream = seekable(readable, limits)
    _check_directory(stream)
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error) as error:
        raise damaged(str(error)) from None
    total = 0
    for part in archive.infolist():
        if part.flag_bits & 1:
            raise unreadable("The workbook is protected by a password.", "encrypted", "a file without a password")
        total += part.file_size
        check_expansion(part.file_size, part.compress_size, limits)
    check_expansion(total, total, limits)
    return archive


def open_part(archive: zipfile.ZipFile, name: str) -> IO[bytes] | None:
    """A part of the archive, or None if it has no such part."""
    try:
        return archive.open(name)
    except KeyError:
        return None
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError, struct.error) as error:
        raise damaged(str(error)) from None


def damaged(reason: str) -> Exception:
    """The refusal for an office file that cannot be opened."""
    return unreadable(f"The file cannot be opened: {reason}.", reason, "an undamaged XLSX or ODS file")


def seekable(readable: Readable, limits: ReadLimits) -> IO[bytes]:
    """The file as a stream that can be sought in, copied to a temporary one if need be, within the limit."""
    stream = open_binary(readable)
    if stream.seekable():
        size = stream.seek(0, 2)
        if size > limits.max_bytes:
            raise too_large("bytes", size, limits.max_bytes)
        stream.seek(0)
        return stream
    source = PlainSource(stream, limits)
    copy = tempfile.SpooledTemporaryFile(max_size=SPOOLED_IN_MEMORY)  # noqa: SIM115  lives with the reader
    while data := source.read(CHUNK_BYTES):
        copy.write(data)
    copy.seek(0)
    return copy


def _check_directory(stream: IO[bytes]) -> None:
    """Read the end record by hand: `zipfile` would build an object for each of a million entries first."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - 66_000))
    tail = stream.read(66_000)
    stream.seek(0)
    at = tail.rfind(_END)
    if at < 0 or len(tail) < at + 22:
        raise damaged("its end is missing")
    entries, directory = struct.unpack_from("<HI", tail, at + 10)
    if entries > MAX_ENTRIES:
        raise too_large("parts", entries, MAX_ENTRIES)
    if directory > MAX_DIRECTORY_BYTES:
        raise too_large("bytes of directory", directory, MAX_DIRECTORY_BYTES)
