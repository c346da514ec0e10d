"""Bytes in: bounded, unpacked, and in an encoding whose line ends can be found in the bytes."""

import codecs
import io
import zlib
from os import PathLike
from typing import IO, Protocol

from orbit_contacts.features.imports.readers.bad_bytes import MARK_BAD
from orbit_contacts.features.imports.readers.rows import MEBIBYTE, ReadLimits, too_large

Readable = bytes | str | PathLike[str] | IO[bytes]
CHUNK_BYTES = 256 * 1024  # the fastest of 64 KiB, 256 KiB and 1 MiB within noise


class Source(Protocol):
    """A stream that ends early instead of failing; `damage` then says what happened."""

    @property
    def damage(self) -> str | None: ...

    def read(self, size: int) -> bytes: ...


def open_source(readable: Readable, *, compression: str | None, encoding: str, limits: ReadLimits) -> Source:
    """The file's bytes, unpacked; UTF-16 and UTF-32 come out as UTF-8, other encodings as they are.

    Raises `PayloadTooLarge` from `read` as soon as a limit is passed."""
    plain = PlainSource(readable, limits)
    source: Source = GzipSource(plain, limits) if compression == "gzip" else plain
    if encoding.startswith(("utf-16", "utf-32")):
        source = TranscodedSource(source, encoding)
    return source


def open_binary(readable: Readable) -> IO[bytes]:
    """A path opened, bytes wrapped, a stream as it is (the caller's to close)."""
    if isinstance(readable, bytes):
        return io.BytesIO(readable)
    return open(readable, "rb") if isinstance(readable, (str, PathLike)) else readable


class PlainSource:
    """Counts the bytes of a file against `max_bytes`; closes at the end what it opened itself."""

    def __init__(self, readable: Readable, limits: ReadLimits) -> None:
        self.damage: str | None = None
        self.count = 0
        self._stream = open_binary(readable)
        self._owned = self._stream is not readable
        self._limit = limits.max_bytes

    def read(self, size: int) -> bytes:
        if self._stream.closed:
            return b""
        data = self._stream.read(size)
        while 0 < len(data) < size and (more := self._stream.read(size - len(data))):
            data += more  # a socket gives what it has; the readers want whole chunks
        if not data and self._owned:
            self._stream.close()
        self.count += len(data)
        if self.count > self._limit:
            raise too_large("bytes", self.count, self._limit)
        return data


class GzipSource:
    """Unpacks gzip (several members too), never more than the limits allow, however small the file is."""

    def __init__(self, packed: PlainSource, limits: ReadLimits) -> None:
        self.damage: str | None = None
        self._packed = packed
        self._limits = limits
        self._inflate = zlib.decompressobj(wbits=31)
        self._input = b""
        self._count = 0

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size and not self.damage:
            if not self._input:
                self._input = self._packed.read(CHUNK_BYTES)
                if not self._input:
                    if not self._inflate.eof:
                        self.damage = "The compressed file ends early; what comes after this is missing."
                    break
            data += self._unpack(size - len(data))
        return data

    def _unpack(self, size: int) -> bytes:
        if self._inflate.eof:
            if not self._input.startswith(b"\x1f\x8b"):  # padding after the last member
                self._input = b""
                return b""
            self._inflate = zlib.decompressobj(wbits=31)
        try:
            data = self._inflate.decompress(self._input, size)
        except zlib.error as error:
            self.damage = f"The compressed file is damaged ({error}); what comes after this is missing."
            return b""
        self._input = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
        self._count += len(data)
        check_expansion(self._count, self._packed.count, self._limits)
        return data


class TranscodedSource:
    """UTF-16 or UTF-32 as UTF-8. Units that are no character become bytes that are no UTF-8, so that the
    reader behind finds the fault in the row it belongs to."""

    def __init__(self, source: Source, encoding: str) -> None:
        self._source = source
        self._decoder = codecs.getincrementaldecoder(encoding)(errors=MARK_BAD)
        self._ended = False

    @property
    def damage(self) -> str | None:
        return self._source.damage

    def read(self, size: int) -> bytes:
        while not self._ended:
            data = self._source.read(size)
            self._ended = not data
            text = self._decoder.decode(data, final=self._ended)
            if text:
                return text.encode("utf-8", errors="surrogatepass")
        return b""


def check_expansion(expanded: int, packed: int, limits: ReadLimits) -> None:
    """Refuse what unpacks to more than the limit, or grows like nothing people write by hand or machine."""
    if expanded > limits.max_expanded_bytes:
        raise too_large("bytes when unpacked", expanded, limits.max_expanded_bytes)
    if expanded > MEBIBYTE and expanded > max(packed, 1) * limits.max_ratio:
        raise too_large("bytes of content per packed byte", expanded // max(packed, 1), limits.max_ratio)
