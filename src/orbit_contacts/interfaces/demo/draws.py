"""Random draws that belong to a row, not to the order in which rows are made.

Each draw is a hash of (seed, purpose, row number), after Steele, Lea and Flood's SplitMix64 finaliser
("Fast splittable pseudorandom number generators", OOPSLA 2014). So any slice of a run can be made alone, in
batches of any size, and still be the same; numpy's own generators promise no such thing between releases.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint64]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST_MULTIPLIER = np.uint64(0xBF58476D1CE4E5B9)
_SECOND_MULTIPLIER = np.uint64(0x94D049BB133111EB)


class Draws:
    """All draws of one seed. `purpose` says what a draw is for: other purposes, independent draws."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._keys: dict[str, np.uint64] = {}

    def bits(self, purpose: str, rows: Rows) -> Rows:
        """64 even bits for each row."""
        key = self._keys.get(purpose)
        if key is None:
            digest = blake2b(f"{self.seed}/{purpose}".encode(), digest_size=8).digest()
            key = self._keys[purpose] = np.uint64(int.from_bytes(digest, "little"))
        mixed = rows * _GOLDEN
        mixed += key
        mixed ^= mixed >> np.uint64(30)
        mixed *= _FIRST_MULTIPLIER
        mixed ^= mixed >> np.uint64(27)
        mixed *= _SECOND_MULTIPLIER
        mixed ^= mixed >> np.uint64(31)
        return mixed

    def uniform(self, purpose: str, rows: Rows) -> Floats:
        """A number in [0, 1) for each row."""
        return (self.bits(purpose, rows) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def logistic(self, purpose: str, rows: Rows) -> Floats:
        """A standard logistic number for each row: bell-shaped, mean 0, standard deviation 1.81."""
        u = self.uniform(purpose, rows) * (1 - 2e-9) + 1e-9
        return np.log(u / (1 - u))


class Choices:
    """Weighted choices among groups of options: one table, one binary search for a whole batch.

    `groups[g]` holds the weights of group g's options. Options are numbered through all groups.
    """

    def __init__(self, groups: Sequence[Sequence[float]]) -> None:
        edges: list[Floats] = []
        for number, weights in enumerate(groups):
            shares = np.cumsum(np.asarray(weights, dtype=np.float64))
            shares /= shares[-1]
            shares[-1] = 1.0
            edges.append(number + shares)
        self._edges = np.concatenate(edges)

    def pick(self, group: Indices, uniform: Floats) -> Indices:
        """The number of the chosen option for each (group, number in [0, 1))."""
        # The sum is rounded: it must stay below the edge where the next group's options begin.
        point = np.minimum(group + uniform, np.nextafter(group + 1.0, group))
        return np.searchsorted(self._edges, point, side="right").astype(np.int64)
