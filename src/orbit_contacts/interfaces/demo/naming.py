"""What people are called: columns of names by rank, with what is needed to make an address of each."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from orbit_contacts.interfaces.demo.draws import Draws, Indices, Rows
from orbit_contacts.interfaces.demo.names import SLOTS, Name, name_list, occurrences
from orbit_contacts.interfaces.demo.populations import populations
from orbit_contacts.interfaces.demo.residents import Residence

Objects = NDArray[np.object_]

ROMANISED_SHARE = 0.22
"""Of the people whose script is not Latin: how many were written down in Latin letters."""


class Names(NamedTuple):
    """Columns. `occurrence` tells people of one population apart whose names read alike: 0, 1, 2 …"""

    first: Objects
    last: Objects
    display: list[str]
    given_reading: Objects
    family_reading: Objects
    occurrence: Indices


class _Places(NamedTuple):
    """All languages' places one after the other: `written[script]`, script 1 being the Latin reading."""

    written: tuple[Objects, Objects]
    reading: Objects
    before: Indices
    total: Indices


class Naming:
    """A rank picks a place among the given names and one among the family names, each pair once a round."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        languages = sorted({population.names for population in populations()})
        lists = [name_list(language) for language in languages]
        self._language = np.array([languages.index(population.names) for population in populations()])
        self._family_first = np.array([names.family_first for names in lists])
        self._own_script = np.array([names.has_own_script for names in lists])
        self._joiner = objects(names.joiner for names in lists)
        self._is_female = np.array([is_female for names in lists for is_female in names.female])
        (self._given,) = _places([(names.given,) for names in lists])
        self._male_family, self._female_family = _places([names.family for names in lists])
        keys = draws.bits("name order", np.arange(len(populations()), dtype=np.uint64))
        self._factors = (keys & np.uint64(0xFFFF)).astype(np.int64) | 1
        self._shifts = (keys >> np.uint64(32)).astype(np.int64) & 0xFFFF

    def of(self, rows: Rows, residence: Residence) -> Names:
        given_place, family_place, round_ = self._pair(residence)
        language = self._language[residence.population]
        given = language * SLOTS + given_place
        family = language * SLOTS + family_place
        is_female = self._is_female[given]
        is_romanised = self._own_script[language] & (self._draws.uniform("romanised", rows) < ROMANISED_SHARE)
        first = _written(self._given, given, is_romanised)
        last = np.where(
            is_female,
            _written(self._female_family, family, is_romanised),
            _written(self._male_family, family, is_romanised),
        )
        family_total = self._male_family.total[family]
        family_before = np.where(is_female, self._female_family.before[family], self._male_family.before[family])
        family_total = np.where(is_female, self._female_family.total[family], family_total)
        occurrence = (
            self._given.before[given] * family_total
            + family_before
            + round_ * (self._given.total[given] * family_total)
        )
        family_leads = self._family_first[language] & ~is_romanised
        joiner = np.where(is_romanised, " ", self._joiner[language])
        before, after = np.where(family_leads, last, first), np.where(family_leads, first, last)
        display = [f"{a}{j}{b}" for a, j, b in zip(before.tolist(), joiner.tolist(), after.tolist(), strict=True)]
        return Names(
            first,
            last,
            display,
            self._given.reading[given],
            np.where(is_female, self._female_family.reading[family], self._male_family.reading[family]),
            occurrence,
        )

    def _pair(self, residence: Residence) -> tuple[Indices, Indices, Indices]:
        """(given place, family place, round): the rank's low 16 bits scrambled one to one."""
        population, rank = residence
        round_ = rank >> 16
        mixed = (rank * self._factors[population] + self._shifts[population] + round_ * 0x9E37) & 0xFFFF
        mixed ^= mixed >> 7
        mixed = mixed * 0x2C1B & 0xFFFF
        mixed ^= mixed >> 9
        return mixed >> 8, mixed & 0xFF, round_


def _written(places: _Places, place: Indices, is_romanised: NDArray[np.bool_]) -> Objects:
    return np.where(is_romanised, places.written[1][place], places.written[0][place])


def _places(lists: Sequence[Sequence[Sequence[Name]]]) -> list[_Places]:
    """`lists[language][form]`, a list of `SLOTS` names each, as one table for each form."""
    counted = [occurrences([[name.reading for name in names] for names in forms]) for forms in lists]
    return [
        _Places(
            (
                objects(name.written for forms in lists for name in forms[form]),
                objects(name.reading.capitalize() for forms in lists for name in forms[form]),
            ),
            objects(name.reading for forms in lists for name in forms[form]),
            np.array([count for before, _ in counted for count in before[form]], dtype=np.int64),
            np.array([count for _, total in counted for count in total[form]], dtype=np.int64),
        )
        for form in range(len(lists[0]))
    ]


def only_where(holds: NDArray[np.bool_], values: Objects) -> Objects:
    """The values where `holds`, None elsewhere."""
    kept = np.full(len(values), None, dtype=np.object_)
    kept[holds] = values[holds]
    return kept


def objects(values: Iterable[Any]) -> Objects:
    """An array of Python objects, so that a batch's column is one indexing."""
    listed = list(values)
    array = np.empty(len(listed), dtype=np.object_)
    array[:] = listed
    return array
