"""A small schema for the lint's own tests."""

from tests.sql_rules.schema import Schema

SCHEMA = Schema(
    columns={
        "workspaces": frozenset({"id", "organization_id"}),
        "contacts": frozenset({"workspace_id", "cell_id", "id", "email", "tags", "bucket", "deleted_at"}),
        "events": frozenset({"workspace_id", "cell_id", "contact_id", "occurred_at", "id", "type"}),
        "identifiers": frozenset({"workspace_id", "kind", "value", "cell_id", "contact_id"}),
        "counts": frozenset({"workspace_id", "cell_id", "live"}),
        "lists": frozenset({"workspace_id", "id", "name"}),
        "notions": frozenset({"id"}),
    },
    shared=frozenset({"workspaces"}),
    temporary=frozenset({"import_rows"}),
)
