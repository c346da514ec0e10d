"""The protocol below the application, over real sockets: what uvicorn promises still holds."""

import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from orbit_contacts.core.replies import WHOLE_ANSWER
from orbit_contacts.interfaces.http_protocol import LeanProtocol

IDLE_SECONDS = 1


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers its path, at once where it can; what begins with /slow only after the requests behind it have come."""
    if scope["type"] != "http":
        return
    body = scope["path"].encode()
    if scope["path"].startswith("/slow"):
        time.sleep(0.05)
    headers = [(b"content-length", b"%d" % len(body)), (b"x-at-once", b"yes")]
    if scope["method"] == "HEAD":
        body = b""
    if scope["path"] == "/broken":
        headers.append((b"x-given", b"a\r\nb: c"))
    if scope[WHOLE_ANSWER](200, headers, body):
        return
    headers[1] = (b"x-at-once", b"no")
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Generator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            application, http=LeanProtocol, lifespan="off", log_level="critical", timeout_keep_alive=IDLE_SECONDS
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(10)


@contextmanager
def connected(port: int) -> Generator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        yield client


def request(path: str, method: str = "GET", version: str = "1.1", headers: str = "") -> bytes:
    return f"{method} {path} HTTP/{version}\r\nHost: test\r\n{headers}\r\n".encode()


def received(client: socket.socket, ends_with: bytes) -> bytes:
    data = b""
    while not data.endswith(ends_with):
        piece = client.recv(65536)
        if not piece:
            break
        data += piece
    return data


def test_an_answer_comes_whole_and_the_connection_stays(port: int) -> None:
    with connected(port) as client:
        for path in ("/one", "/two"):
            client.sendall(request(path))
            answer = received(client, path.encode())
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"date: " in answer
            assert b"x-at-once: yes\r\n" in answer


def test_requests_sent_together_are_answered_in_order(port: int) -> None:
    with connected(port) as client:
        client.sendall(request("/slow1") + request("/slow2") + request("/last"))
        answers = received(client, b"/last")
        assert [answers.index(path) for path in (b"/slow1", b"/slow2", b"/last")] == sorted(
            answers.index(path) for path in (b"/slow1", b"/slow2", b"/last")
        )
        assert answers.count(b"HTTP/1.1 200 OK") == 3


def test_head_has_the_length_and_no_body(port: int) -> None:
    with connected(port) as client:
        client.sendall(request("/head", "HEAD") + request("/next"))
        answers = received(client, b"/next")
        assert b"content-length: 5" in answers
        assert b"/head" not in answers


@pytest.mark.parametrize(("version", "headers"), [("1.1", "Connection: close\r\n"), ("1.0", "")])
def test_a_connection_that_ends_after_the_answer_is_closed(port: int, version: str, headers: str) -> None:
    with connected(port) as client:
        client.sendall(request("/bye", version=version, headers=headers))
        answer = received(client, b"never")
        assert b"connection: close\r\n" in answer
        assert answer.endswith(b"/bye")


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(port: int) -> None:
    with connected(port) as busy, connected(port) as idle:
        idle.sendall(request("/idle"))
        received(idle, b"/idle")
        until = time.monotonic() + 2 * IDLE_SECONDS
        while time.monotonic() < until:
            busy.sendall(request("/busy"))
            assert received(busy, b"/busy").endswith(b"/busy")
            time.sleep(IDLE_SECONDS / 8)
        assert idle.recv(1) == b""


def test_a_line_break_in_a_header_never_leaves(port: int) -> None:
    with connected(port) as client:
        client.sendall(request("/broken"))
        answer = received(client, b"Error")
        assert answer.startswith(b"HTTP/1.1 500")
        assert b"b: c" not in answer
