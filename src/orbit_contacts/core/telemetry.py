"""One log line and one measurement per request, cheap enough to be always on.

Both are collected in memory; lines leave in batches of half a second, and Prometheus reads the
histograms when it scrapes. No query string, body or identifier is ever logged.
"""

import asyncio
import sys
from bisect import bisect_left
from collections.abc import Iterator
from typing import TextIO

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector

from orbit_contacts.core.clock import format_instant, now

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RequestMetrics(Collector):
    """Durations by operation and requests by status, in plain lists; built into families on scrape."""

    def __init__(self) -> None:
        self._durations: dict[str, list[float]] = {}
        self._statuses: dict[tuple[str, int], int] = {}

    def observe(self, operation: str, status: int, seconds: float) -> None:
        counts = self._durations.get(operation)
        if counts is None:
            counts = self._durations[operation] = [0.0] * (len(BUCKETS) + 2)
        counts[bisect_left(BUCKETS, seconds)] += 1
        counts[-1] += seconds
        key = (operation, status)
        self._statuses[key] = self._statuses.get(key, 0) + 1

    def collect(self) -> Iterator[Metric]:
        durations = HistogramMetricFamily(
            "orbit_request_duration_seconds", "Time from request to answer.", labels=["operation"]
        )
        for operation, counts in self._durations.items():
            running, buckets = 0.0, list[tuple[str, float]]()
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), counts, strict=False):
                running += count
                buckets.append((bound, running))
            durations.add_metric([operation], buckets, counts[-1])  # pyright: ignore[reportArgumentType]
        yield durations
        requests = CounterMetricFamily(
            "orbit_requests", "Requests by operation and status.", labels=["operation", "status"]
        )
        for (operation, status), count in self._statuses.items():
            requests.add_metric([operation, str(status)], count)
        yield requests


class RequestLog:
    """Buffered JSON lines on a stream."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._task: asyncio.Task[None] | None = None

    def write(self, method: str, operation: str, status: int, seconds: float, request_id: str) -> None:
        self._lines.append(
            f'{{"time":"{format_instant(now())}","event":"request","method":"{method}","operation":"{operation}",'
            f'"status":{status},"ms":{seconds * 1000:.2f},"request_id":"{request_id}"}}\n'
        )
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._flush_soon())

    async def _flush_soon(self) -> None:
        await asyncio.sleep(0.5)
        self._task = None
        self.flush()

    def flush(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            self._stream.write("".join(lines))
            self._stream.flush()


metrics = RequestMetrics()
REGISTRY.register(metrics)
