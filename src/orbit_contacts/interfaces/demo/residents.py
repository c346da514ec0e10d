"""Where each row lives: its population, and its rank among that population's people.

Both are known from the row number alone. Identifiers are one-to-one functions of the rank, so no two rows of
a seed share a phone number or an address, and nothing has to be remembered between rows.
"""

from math import gcd
from typing import NamedTuple

import numpy as np

from orbit_contacts.interfaces.demo.draws import Draws, Indices, Rows
from orbit_contacts.interfaces.demo.populations import number_blocks, populations


class Residence(NamedTuple):
    """For each row: the index of its population, and its rank there, 0 and up, without gaps."""

    population: Indices
    rank: Indices


class Residents:
    """Deals rows to populations in blocks: each population gets its weight in each, in shuffled order."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        weights = [population.weight for population in populations()]
        self._block = sum(weights)
        self._weights = np.array(weights, dtype=np.int64)
        seats = np.repeat(np.arange(len(weights)), weights)
        within = np.concatenate([np.arange(weight) for weight in weights])
        order = np.argsort(draws.bits("seat", np.arange(self._block, dtype=np.uint64)), kind="stable")
        self._population, self._within = seats[order], within[order]
        self._strides = np.array([n for n in range(1, self._block) if gcd(n, self._block) == 1], dtype=np.int64)

    def of(self, rows: Rows) -> Residence:
        block, place = np.divmod(rows, np.uint64(self._block))
        stride = self._strides[(self._draws.bits("stride", block) % np.uint64(len(self._strides))).astype(np.int64)]
        shift = (self._draws.bits("shift", block) % np.uint64(self._block)).astype(np.int64)
        seat = (place.astype(np.int64) * stride + shift) % self._block
        population = self._population[seat]
        return Residence(population, block.astype(np.int64) * self._weights[population] + self._within[seat])


class NumberPlan:
    """Gives each rank of each population its own phone number, those kept for fiction first."""

    def __init__(self, draws: Draws) -> None:
        sizes: list[int] = []
        bases: list[int] = []
        reserved: list[int] = []
        ordinary: list[int] = []
        for population in populations():
            blocks = list(number_blocks(population))
            bases += [base for base, _, _ in blocks]
            sizes += [size for _, size, _ in blocks]
            reserved.append(sum(size for _, size, is_reserved in blocks if is_reserved))
            ordinary.append(sum(size for _, size, is_reserved in blocks if not is_reserved))
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self._bases = np.array(bases, dtype=np.int64)
        self._reserved = _Shuffle(draws, "reserved number", reserved)
        self._ordinary = _Shuffle(draws, "ordinary number", ordinary)
        self._first = np.concatenate([[0], np.cumsum(np.add(reserved, ordinary))[:-1]]).astype(np.int64)

    def phones(self, residence: Residence) -> Indices:
        """The E.164 number without its plus sign, or 0 where the population has run out of numbers."""
        population, rank = residence
        kept = self._reserved.sizes[population]
        place = np.where(
            rank < kept,
            self._reserved.of(population, rank),
            kept + self._ordinary.of(population, rank - kept),
        )
        place += self._first[population]
        block = np.searchsorted(self._starts, place, side="right") - 1
        number = self._bases[block] + place - self._starts[block]
        return np.where(rank < kept + self._ordinary.sizes[population], number, 0)


class _Shuffle:
    """A one-to-one map of 0..size-1 onto itself for each population: multiply and add, modulo the size."""

    def __init__(self, draws: Draws, purpose: str, sizes: list[int]) -> None:
        self.sizes = np.array(sizes, dtype=np.int64)
        self._moduli = np.maximum(self.sizes, 1)
        bits = draws.bits(purpose, np.arange(len(sizes), dtype=np.uint64)).tolist()
        self._factors = np.array(
            [_coprime(size, bit % size) for size, bit in zip(self._moduli.tolist(), bits, strict=True)]
        )
        self._shifts = np.array([(bit >> 32) % size for size, bit in zip(self._moduli.tolist(), bits, strict=True)])

    def of(self, population: Indices, rank: Indices) -> Indices:
        # Sizes stay below 2**31, so that the product of two places fits 63 bits.
        modulus = self._moduli[population]
        return (rank % modulus * self._factors[population] + self._shifts[population]) % modulus


def _coprime(size: int, start: int) -> int:
    """The first number from `start` up that shares no factor with `size`."""
    return next(number for number in range(max(start, 1), max(start, 1) + size + 1) if gcd(number, size) == 1)
