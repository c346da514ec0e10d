"""What the SQL rules know of the database: tables, columns, and which tables are no tenant's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

TENANT_COLUMNS = frozenset({"workspace_id", "cell_id"})
VOLATILE = frozenset(
    {"random", "random_normal", "gen_random_uuid", "uuidv4", "uuidv7", "clock_timestamp", "timeofday"}
    | {"nextval", "currval", "lastval", "setval", "set_config", "pg_notify", "pg_sleep", "txid_current"}
)


@dataclass(frozen=True)
class Schema:
    """Tables by name with their columns.

    `shared`: tables that belong to no tenant, or are found by a secret before the tenant is known.
    `temporary`: tables of one session. `volatile`: functions PostgreSQL may not evaluate twice alike.
    """

    columns: Mapping[str, frozenset[str]]
    shared: frozenset[str] = frozenset()
    temporary: frozenset[str] = frozenset()
    volatile: frozenset[str] = VOLATILE

    def tenant_columns(self, table: str) -> frozenset[str]:
        """The columns that say whose a row is; none for shared and temporary tables."""
        if table in self.shared or table in self.temporary:
            return frozenset()
        return self.columns.get(table, frozenset()) & TENANT_COLUMNS

    def with_temporary(self, tables: frozenset[str]) -> "Schema":
        return replace(self, temporary=self.temporary | tables)
