"""uvicorn's HTTP protocol, made lean where every request passes.

A whole answer is one write, where uvicorn writes head and body apart: a system call that wakes the reader costs as much
as making the answer. The answers of one turn of the loop are written one after the other: the first wakes who reads
them, the others find it awake. A connection has one timer for its idle time, not a new one after every answer.
"""

from collections.abc import Iterable
from typing import cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from orbit_contacts.core import envelope
from orbit_contacts.core.errors import MalformedBody
from orbit_contacts.core.replies import WHOLE_ANSWER


class LeanProtocol(HttpToolsProtocol):
    """Gives the application `scope[WHOLE_ANSWER]`, which sends status, headers and body at once."""

    _idle_since: float | None = None
    _unsent = b""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("dict[str, object]", self.scope)[WHOLE_ANSWER] = self.send_whole

    def send_whole(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bool:
        """Send an answer; False when it must go the long way: requests are queued behind it, or the reader is slow.

        Header names are lower case, and `content-length` is among them where it belongs.
        """
        cycle = self.cycle
        if self.pipeline or cycle.disconnected or cycle.response_started or self.flow.write_paused:
            return False
        parts = [STATUS_LINE[status]]
        for name, value in self.server_state.default_headers:
            parts += (name, b": ", value, b"\r\n")
        for name, value in headers:
            if b"\n" in value or b"\r" in value:
                raise RuntimeError(f"a line break in the header {name!r}")
            parts += (name, b": ", value, b"\r\n")
        parts.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        parts.append(body)
        self._unsent = b"".join(parts)
        cycle.response_started = cycle.response_complete = True
        cycle.message_event.set()
        if cycle.keep_alive:
            self.loop.call_soon(self._send)
        else:
            self._send()
            self.transport.close()
        cycle.on_response()
        return True

    def _send(self) -> None:
        if self._unsent:
            self.transport.write(self._unsent)
            self._unsent = b""

    def shutdown(self) -> None:
        self._send()
        super().shutdown()

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._watch_idleness(self.timeout_keep_alive)

    def _unset_keepalive_if_required(self) -> None:
        """Bytes came, or the connection is gone: it is not idle. The timer finds that out when it is due."""
        self._idle_since = None

    def _watch_idleness(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        self.timeout_keep_alive_task = None
        if self.transport.is_closing():
            return
        if self._idle_since is None:
            self._watch_idleness(self.timeout_keep_alive)
        elif (rest := self._idle_since + self.timeout_keep_alive - self.loop.time()) > 0:
            self._watch_idleness(rest)
        else:
            super().timeout_keep_alive_handler()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP, or names no method there is, is refused in the shape of every refusal."""
        self._send()
        request_id = envelope.new_request_id()
        refusal = MalformedBody("The request is not valid HTTP.", field="request", value=None, expected="HTTP/1.1")
        body = envelope.failure(refusal, request_id)
        self.transport.write(
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nx-request-id: "
            + request_id.encode()
            + b"\r\ncontent-length: "
            + str(len(body)).encode()
            + b"\r\nconnection: close\r\n\r\n"
            + body
        )
        self.transport.close()
