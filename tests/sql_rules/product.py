"""What this product's schema declares about itself; a new table of no tenant is declared here, on purpose."""

from tests.sql_rules.catalogue import Layout

LAYOUT = Layout(
    # `api_keys` and what signs people in to the console are found by a hash, before any tenant is known.
    shared=frozenset(
        {
            "schema_migrations",
            "installation",
            "organizations",
            "workspaces",
            "api_keys",
            "console_sessions",
            "console_links",
        }
    ),
    by_workspace=frozenset({"contact_identifiers"}),
    keyless=frozenset({"contact_counts", "list_counts"}),
    ordered=frozenset({"events.position", "events.number"}),
    queue=frozenset({"pgqueuer", "pgqueuer_log", "pgqueuer_schedules", "pgqueuer_statistics"}),
)
