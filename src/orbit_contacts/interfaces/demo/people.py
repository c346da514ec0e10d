"""Invented people, as the directory would store them: `people()`.

A row's person depends on the seed and the row number alone, its times on the run's bounds too; never on the
batch.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from orbit_contacts.core.errors import InvalidRequest
from orbit_contacts.interfaces.demo.addresses import Addresses, Employers
from orbit_contacts.interfaces.demo.draws import Choices, Draws, Indices, Rows
from orbit_contacts.interfaces.demo.naming import Naming, objects, only_where
from orbit_contacts.interfaces.demo.populations import populations
from orbit_contacts.interfaces.demo.residents import NumberPlan, Residents
from orbit_contacts.interfaces.demo.rhythm import EPOCH, busy_weeks, hours_at, microseconds
from orbit_contacts.interfaces.demo.traits import Traits


class Person(NamedTuple):
    """One contact in stored form: `phone` E.164, `email` lower case, times UTC; `row` counts in a seed."""

    row: int
    external_id: str
    phone: str | None
    phone_extension: str | None
    email: str | None
    first_name: str | None
    last_name: str | None
    display_name: str | None
    company: str | None
    country_code: str
    timezone: str
    language: str
    lifecycle_stage: str
    tags: list[str]
    metadata: dict[str, Any]
    custom_fields: dict[str, Any]
    blocked: bool
    blocked_at: datetime | None
    block_reason: str | None
    dnc: bool
    source: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


BATCH = 10_000
NO_PHONE_SHARE, NO_EMAIL_SHARE = 0.115, 0.151
NAMELESS_SHARE, EXTENSION_SHARE = 0.03, 0.012
EXTERNAL_ID_PREFIX = "demo-"
"""The row number follows, in ten digits."""
_IMPORT_TIME = 3.6e9
"""How long each bulk import takes, in microseconds; at most a hundredth of the run."""


def people(
    seed: int,
    count: int,
    *,
    start: int = 0,
    since: datetime,
    until: datetime,
    batch: int = BATCH,
    bulk_import_domains: float = 0.0,
) -> Iterator[list[Person]]:
    """Rows `start` to `start + count` of a seed's people, oldest first, in lists of at most `batch`.

    Times lie in [since, until), both aware. Phone, e-mail and external id are unique over all rows of a seed.
    `bulk_import_domains` is the share of rows that two bulk imports brought, one the oldest and one the
    newest, each with a single mail domain: the skew that defeats a search which walks from the newest.
    Raises InvalidRequest when an argument is out of range.
    """
    _require(count >= 0, "count", count, "0 or more")
    _require(start >= 0, "start", start, "0 or more")
    _require(batch >= 1, "batch", batch, "1 or more")
    _require(0.0 <= bulk_import_domains <= 1.0, "bulk_import_domains", bulk_import_domains, "a share, 0 to 1")
    for field, moment in (("since", since), ("until", until)):
        _require(moment.tzinfo is not None, field, moment, "a time with a zone")
    _require(since < until, "since", since, "a time before `until`")
    return _Crowd(seed, count, start, since, until, bulk_import_domains).batches(batch)


def _require(holds: bool, field: str, value: object, expected: str) -> None:
    if not holds:
        raise InvalidRequest(
            f"{field} is {value}: expected {expected}.", field=field, value=str(value), expected=expected
        )


class _Crowd:
    """One run: its tables, and how a batch of rows becomes persons."""

    def __init__(self, seed: int, count: int, start: int, since: datetime, until: datetime, bulk_share: float) -> None:
        self._draws = Draws(seed)
        self._count, self._start = count, start
        self._bounds = microseconds(since), microseconds(until)
        self._bulk = int(count * bulk_share / 2)
        self._residents = Residents(self._draws)
        self._numbers = NumberPlan(self._draws)
        self._naming = Naming(self._draws)
        self._employers = Employers(self._draws)
        self._addresses = Addresses(self._draws, self._employers)
        self._traits = Traits(self._draws)
        self._countries = objects(population.country for population in populations())
        self._timezones = objects(name for population in populations() for name in population.timezones)
        self._timezone = Choices([list(population.timezones.values()) for population in populations()])
        self._languages = objects(name for population in populations() for name in population.languages)
        self._language = Choices([list(population.languages.values()) for population in populations()])

    def batches(self, batch: int) -> Iterator[list[Person]]:
        for first in range(0, self._count, batch):
            yield self._persons(np.arange(first, min(first + batch, self._count), dtype=np.int64))

    def _persons(self, position: Indices) -> list[Person]:
        rows = (position + self._start).astype(np.uint64)
        uniform = self._draws.uniform
        residence = self._residents.of(rows)
        bulk = np.where(position < self._bulk, 0, np.where(position >= self._count - self._bulk, 1, -1))
        names = self._naming.of(rows, residence)
        company = self._employers.of(rows, residence)
        numbers = self._numbers.phones(residence)
        emails = self._addresses.of(rows, residence, names, company, bulk)
        reach = uniform("reach", rows)
        has_phone = (numbers > 0) & (reach >= NO_PHONE_SHARE)
        # A bulk import came by e-mail, and nobody is left without any identifier.
        has_email = ~has_phone | (reach >= NO_PHONE_SHARE + NO_EMAIL_SHARE) | (bulk >= 0)
        profile = self._traits.of(rows)
        is_nameless = uniform("nameless", rows) < NAMELESS_SHARE
        created, updated = self._times(rows, position, bulk)
        created_at, updated_at = _moments(created), _moments(updated)
        columns = (
            rows.tolist(),
            [f"{EXTERNAL_ID_PREFIX}{row:010d}" for row in rows.tolist()],
            [
                f"+{number}" if known else None
                for number, known in zip(numbers.tolist(), has_phone.tolist(), strict=True)
            ],
            self._extensions(rows, has_phone),
            [email if known else None for email, known in zip(emails, has_email.tolist(), strict=True)],
            only_where(~is_nameless, names.first).tolist(),
            only_where(~is_nameless, names.last).tolist(),
            [None if hidden else name for name, hidden in zip(names.display, is_nameless.tolist(), strict=True)],
            only_where(company >= 0, self._employers.names[company]).tolist(),
            self._countries[residence.population].tolist(),
            self._timezones[self._timezone.pick(residence.population, uniform("timezone", rows))].tolist(),
            self._languages[self._language.pick(residence.population, uniform("language", rows))].tolist(),
            profile.stage,
            profile.tags,
            profile.metadata,
            _empty_maps(len(rows)),
            profile.is_blocked.tolist(),
            [
                moment if blocked else None
                for moment, blocked in zip(updated_at, profile.is_blocked.tolist(), strict=True)
            ],
            profile.block_reason.tolist(),
            profile.is_dnc,
            np.where(bulk >= 0, "import", profile.source).tolist(),
            created_at,
            updated_at,
            repeat(None, len(rows)),
        )
        return list(map(Person._make, zip(*columns, strict=True)))

    def _extensions(self, rows: Rows, has_phone: NDArray[np.bool_]) -> list[str | None]:
        draw = self._draws.uniform("extension", rows)
        is_there = (draw < EXTENSION_SHARE) & has_phone
        number = (draw / EXTENSION_SHARE * 9000).astype(np.int64) + 1000
        extensions: list[str | None] = [None] * len(rows)
        for place in np.flatnonzero(is_there).tolist():
            extensions[place] = str(number[place])
        return extensions

    def _times(self, rows: Rows, position: Indices, bulk: Indices) -> tuple[Indices, Indices]:
        """(created, updated) in microseconds since the epoch; created rises with the position."""
        since, until = self._bounds
        along = (position + self._draws.uniform("created", rows)) / self._count
        bulk_share = self._bulk / self._count
        import_time = min(_IMPORT_TIME, (until - since) / 100) if self._bulk else 0.0
        within = (along - bulk_share) / (1 - 2 * bulk_share) if bulk_share < 0.5 else along
        # A power below 1 lets the business grow: its last year brings more people than its first.
        share = np.clip(within, 0.0, 1.0) ** 0.8
        first, last = busy_weeks(np.array([since + import_time, until - import_time]) / _HOUR).tolist()
        created = hours_at(first + share * (last - first)) * _HOUR
        if self._bulk:
            created = np.where(bulk == 0, since + import_time * along / bulk_share, created)
            created = np.where(bulk == 1, until - import_time * (1 - along) / bulk_share, created)
        created = np.clip(created.astype(np.int64), since, until - 1)
        changed = self._draws.uniform("updated", rows) ** 3
        return created, created + (changed * (until - 1 - created)).astype(np.int64)


def _empty_maps(count: int) -> list[dict[str, Any]]:
    return [{} for _ in range(count)]


def _moments(microseconds_: Indices) -> list[datetime]:
    return list(map(EPOCH.__add__, microseconds_.astype("m8[us]").tolist()))


_HOUR = 3.6e9
