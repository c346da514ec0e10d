"""What an import has met so far, in eight bytes each: identifiers and contacts, of which the first row counts. Pure."""

from collections.abc import Sequence
from hashlib import blake2b
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]


def hash_of(kind: str, key: str) -> int:
    """Of an identifier. 64 bits: among a million rows two differ with a chance of 1 in 10^6 or better."""
    return int.from_bytes(blake2b(f"{kind}\0{key}".encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


def hash_of_contact(id: UUID) -> int:
    return hash_of("contact", id.hex)


class Seen:
    """A growing set of hashes: sorted arrays of doubling size, so that a million rows take 24 MB."""

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def copy(self) -> "Seen":
        """Another that grows by itself; the arrays are shared, since they never change."""
        other = Seen()
        other._runs = list(self._runs)
        return other

    def add(self, hashes: Sequence[int] | Hashes) -> None:
        run = np.sort(np.asarray(hashes, dtype=np.uint64))
        while self._runs and len(self._runs[-1]) <= len(run):
            run = np.sort(np.concatenate((self._runs.pop(), run)), kind="stable")  # two sorted runs: a merge
        if len(run):
            self._runs.append(run)

    def among(self, hashes: Sequence[int]) -> set[int]:
        """Those of `hashes` that were added before."""
        asked = np.asarray(hashes, dtype=np.uint64)
        found: set[int] = set()
        for run in self._runs:
            places = np.searchsorted(run, asked)
            places[places == len(run)] = 0
            found.update(asked[run[places] == asked].tolist())
        return found


def encode(hashes: Sequence[int]) -> bytes:
    return np.asarray(hashes, dtype="<u8").tobytes()


def decode(data: bytes) -> Hashes:
    return np.frombuffer(data, dtype="<u8").astype(np.uint64)
