"""How many live contacts each stage and each country has, exact, from the counters."""

from typing import NamedTuple

from orbit_contacts.core.database import Reader


class Facets(NamedTuple):
    """Largest first; contacts without a stage or country count in `total` only."""

    total: int
    stages: dict[str, int]
    countries: dict[str, int]


async def facets(reader: Reader) -> Facets:
    rows = await reader.fetch_all(
        """
        SELECT lifecycle_stage, country_code, sum(live)::bigint AS live FROM contact_counts
        WHERE cell_id = ANY($1) GROUP BY lifecycle_stage, country_code
        """,
        reader.caller.cells,
    )
    stages: dict[str, int] = {}
    countries: dict[str, int] = {}
    for row in rows:
        for counts, value in ((stages, row["lifecycle_stage"]), (countries, row["country_code"])):
            if value:
                counts[value] = counts.get(value, 0) + row["live"]
    return Facets(sum(row["live"] for row in rows), _largest_first(stages), _largest_first(countries))


def _largest_first(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(((value, n) for value, n in counts.items() if n > 0), key=_rank))


def _rank(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
