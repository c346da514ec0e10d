"""Where people work, and their one e-mail address."""

import numpy as np
from numpy.typing import NDArray

from orbit_contacts.interfaces.demo.draws import Choices, Draws, Indices, Rows
from orbit_contacts.interfaces.demo.naming import Names, Objects, objects
from orbit_contacts.interfaces.demo.populations import SHARED_MAIL, companies, populations
from orbit_contacts.interfaces.demo.residents import Residence

BULK_DOMAINS = ("legacy-import.example", "bulk2023.example")
"""Mail domains of two bulk imports: that of the oldest rows and that of the newest."""

EMPLOYED_SHARE = 0.45
COMPANY_MAIL_SHARE = 0.5
"""Of the employed: how many gave their address at work."""
SHARED_MAIL_SHARE = 0.42
"""Of everybody else: how many have an address at one of the domains that all populations use."""


class Employers:
    """Companies by population; the first of each population employ the most."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws
        by_population = [companies(index) for index in range(len(populations()))]
        self._choices = Choices([[1.0 / (n + 4) for n in range(len(firms))] for firms in by_population])
        self.names = objects(name for firms in by_population for name, _ in firms)
        self.domains = [domain for firms in by_population for _, domain in firms]

    def of(self, rows: Rows, residence: Residence) -> Indices:
        """The number of each row's company, or -1."""
        company = self._choices.pick(residence.population, self._draws.uniform("company", rows))
        return np.where(self._draws.uniform("employed", rows) < EMPLOYED_SHARE, company, -1)


class Addresses:
    """Addresses such that no two rows share one.

    Within a population, (name as read, occurrence) is unique. Each domain but the shared and the bulk ones
    belongs to one population; at those, the number behind the name also tells the population.
    """

    def __init__(self, draws: Draws, employers: Employers) -> None:
        self._draws = draws
        local = [population.mail for population in populations()]
        self._shared = Choices([list(SHARED_MAIL.values())])
        self._local = Choices([[1.0 / (n + 1) for n in range(len(domains))] for domains in local])
        domains = [*BULK_DOMAINS, *SHARED_MAIL, *(domain for group in local for domain in group)]
        self._first_company = len(domains)
        self._domains = objects([*domains, *employers.domains])

    def of(self, rows: Rows, residence: Residence, names: Names, company: Indices, bulk: Indices) -> list[str]:
        """Each row's address, lower case; `bulk` is the index of its bulk import, or -1."""
        kind = self._draws.uniform("mail kind", rows)
        choice = self._draws.uniform("mail domain", rows)
        domain = len(BULK_DOMAINS) + len(SHARED_MAIL) + self._local.pick(residence.population, choice)
        shared = len(BULK_DOMAINS) + self._shared.pick(np.zeros(len(rows), dtype=np.int64), choice)
        domain = np.where(self._draws.uniform("shared mail", rows) < SHARED_MAIL_SHARE, shared, domain)
        domain = np.where((company >= 0) & (kind < COMPANY_MAIL_SHARE), self._first_company + company, domain)
        domain = np.where(bulk >= 0, bulk, domain)
        is_everybodys = domain < len(BULK_DOMAINS) + len(SHARED_MAIL)
        number = np.where(is_everybodys, names.occurrence * len(populations()) + residence.population, names.occurrence)
        return self._written(rows, names, number, self._domains[domain])

    def _written(self, rows: Rows, names: Names, number: Indices, domain: Objects) -> list[str]:
        # The separator tells the order (only family-given has a hyphen), so the orders never meet.
        style = self._draws.uniform("mail style", rows)
        separator = _SEPARATORS[np.searchsorted(_STYLE_EDGES, style, side="right")]
        family_leads: NDArray[np.bool_] = style >= _STYLE_EDGES[-1]
        before = np.where(family_leads, names.family_reading, names.given_reading)
        after = np.where(family_leads, names.given_reading, names.family_reading)
        columns = (before.tolist(), separator.tolist(), after.tolist(), number.tolist(), domain.tolist())
        return [f"{a}{s}{b}{n + 1 if n else ''}@{d}" for a, s, b, n, d in zip(*columns, strict=True)]


_SEPARATORS = objects([".", "_", "-"])
_STYLE_EDGES = np.array([0.72, 0.87])
