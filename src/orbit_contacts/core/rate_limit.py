"""Requests per minute, per key and operation: a fixed window, counted in this process."""

import time

from orbit_contacts.core.errors import RateLimited

WINDOW = 60


class RateLimit:
    """Counts one kind of operation (reads or writes); refuses only when enforcement is on."""

    def __init__(self, limit: int, *, enforced: bool) -> None:
        self.limit = limit
        self.enforced = enforced
        self._window = 0
        self._counts: dict[tuple[str, str], int] = {}
        self._limit_header = (b"x-ratelimit-limit", str(limit).encode())
        self._reset_header = (b"x-ratelimit-reset", str((int(time.time()) // WINDOW + 1) * WINDOW).encode())

    def count(self, caller: str, operation: str, own_limit: int | None = None) -> list[tuple[bytes, bytes]]:
        """Count one request; gives the `X-RateLimit-*` headers, or raises `RateLimited`.

        `own_limit` is that of an operation which may be called less often than others of its kind.
        """
        now = int(time.time())
        window = now // WINDOW
        if window != self._window:
            self._window = window
            self._counts.clear()
            self._reset_header = (b"x-ratelimit-reset", str((window + 1) * WINDOW).encode())
        key = (caller, operation)
        used = self._counts[key] = self._counts.get(key, 0) + 1
        limit = self.limit if own_limit is None else min(own_limit, self.limit)
        if used > limit and self.enforced:
            refusal = RateLimited(
                f"More than {limit} requests in {WINDOW} seconds.",
                retry_after=max((window + 1) * WINDOW - now, 1),
                limit=limit,
                window=f"{WINDOW}s",
            )
            refusal.reset = (window + 1) * WINDOW
            raise refusal
        limit_header = self._limit_header if own_limit is None else (b"x-ratelimit-limit", str(limit).encode())
        remaining = (b"x-ratelimit-remaining", str(max(limit - used, 0)).encode())
        return [limit_header, remaining, self._reset_header]

    def untouched(self) -> list[tuple[bytes, bytes]]:
        """The headers of an answer that counted nothing: the call failed before a caller was known."""
        return [self._limit_header, (b"x-ratelimit-remaining", self._limit_header[1]), self._reset_header]
