"""A small HTTP load generator: N connections, one prepared request each at a time, run as its own process.

`python -m benchmarks.load PORT CONNECTIONS SECONDS` reads a list of raw requests (base64 lines) from standard
input, sends them in turn and prints JSON: requests, seconds, errors and latencies (p50, p95, p99 in ms).
"""

import asyncio
import base64
import itertools
import json
import sys
from time import perf_counter
from typing import cast

import uvloop


class Connection(asyncio.Protocol):
    def __init__(self, requests: "itertools.cycle[bytes]", latencies: list[float], until: float) -> None:
        self.requests = requests
        self.latencies = latencies
        self.until = until
        self.buffer = b""
        self.errors = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        self.sent = perf_counter()
        if self.sent >= self.until:
            self.transport.close()
            return
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        start = self.buffer.find(b"content-length: ", 0, head)
        length = int(self.buffer[start + 16 : self.buffer.find(b"\r\n", start)]) if start >= 0 else 0
        if len(self.buffer) < head + 4 + length:
            return
        if self.buffer[9:10] != b"2":
            self.errors += 1
        self.buffer = b""
        self.latencies.append(perf_counter() - self.sent)
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def run(port: int, connections: int, seconds: float, requests: list[bytes]) -> dict[str, float]:
    latencies: list[float] = []
    started = perf_counter()
    cycle = itertools.cycle(requests)
    loop = asyncio.get_running_loop()
    made = [
        (await loop.create_connection(lambda: Connection(cycle, latencies, started + seconds), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for connection in made))
    elapsed = perf_counter() - started
    latencies.sort()
    count = len(latencies)
    return {
        "requests": count,
        "seconds": elapsed,
        "errors": sum(connection.errors for connection in made),
        "p50": latencies[count // 2] * 1000,
        "p95": latencies[int(count * 0.95)] * 1000,
        "p99": latencies[int(count * 0.99)] * 1000,
    }


if __name__ == "__main__":
    raw = [base64.b64decode(line) for line in sys.stdin.buffer.read().split()]
    print(json.dumps(uvloop.run(run(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), raw))))
