"""XML as events, in bounded memory, without the parts of XML that bombs are made of."""

import zlib
from collections.abc import Iterator
from typing import IO, Protocol
from xml.parsers import expat
from zipfile import BadZipFile

CHUNK_BYTES = 64 * 1024
MAX_TOKEN_BYTES = 4 * 1024 * 1024  # one tag with its attributes; text comes in pieces anyway


class BadXmlError(Exception):
    """The XML is not well formed, ends early, or is made to do harm."""


class Handler(Protocol):
    """Receives the events. Names are without their namespace prefix."""

    def start(self, name: str, attributes: dict[str, str]) -> None: ...
    def end(self, name: str) -> None: ...
    def text(self, text: str) -> None: ...


def parse(part: IO[bytes], handler: Handler) -> Iterator[None]:
    """Feed the part to the handler, pausing after each chunk so that the caller can take what is ready.

    Raises `BadXmlError`; what was handled before stays good."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    local = _LocalNames()
    start, end = handler.start, handler.end
    parser.StartElementHandler = lambda name, attributes: start(local[name], attributes)
    parser.EndElementHandler = lambda name: end(local[name])
    parser.CharacterDataHandler = handler.text
    fed = 0
    try:
        while data := part.read(CHUNK_BYTES):
            parser.Parse(data, False)
            fed += len(data)
            if fed - parser.CurrentByteIndex > MAX_TOKEN_BYTES:
                raise BadXmlError(f"a tag is longer than {MAX_TOKEN_BYTES:,} bytes")
            yield
        parser.Parse(b"", True)
    except (expat.ExpatError, zlib.error, BadZipFile, EOFError, OSError, ValueError, LookupError) as error:
        raise BadXmlError(str(error)) from None
    yield


def parse_all(part: IO[bytes], handler: Handler) -> None:
    """Feed the whole part."""
    for _ in parse(part, handler):
        pass


def _refuse_doctype(*_: object) -> None:
    raise BadXmlError("it declares a document type, which office files never do")


class _LocalNames(dict[str, str]):
    """Names without prefix, each worked out once."""

    def __missing__(self, name: str) -> str:
        local = name.rpartition(":")[2]
        if len(self) < 1000:
            self[name] = local
        return local
