"""Documents that are made from the code: `make openapi` writes them, a test does not let them fall behind."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from orbit_contacts.core.settings import reference
from orbit_contacts.interfaces import errors_page
from orbit_contacts.interfaces.api import OPERATIONS, document
from tests.clients.documented import key, known

ROOT = Path(__file__).parents[1]


def openapi() -> str:
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def settings() -> str:
    lines = [
        "# Settings",
        "",
        "Made from the code by `make openapi`. Each is an environment variable; with `_FILE` behind its name it is the",
        "path of a file that holds the value: `ORBIT_DATABASE_URL_FILE=/run/secrets/url`. `orbit doctor` shows what is",
        "set.",
        "",
        "| Variable | Default | Meaning |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} |" for name, default, meaning in reference()
    ]
    return "\n".join(lines) + "\n"


# Documented operation to the test that shows what it does: feature, name.
PROOFS: dict[str, tuple[str, str]] = {
    "POST /contacts": ("contacts", "create_answers_201_with_the_whole_contact"),
    "GET /contacts": ("contacts", "filters_select"),
    "GET /contacts/{}": ("contacts", "etag_guards_against_lost_updates"),
    "PUT /contacts/{}": ("contacts", "update_changes_what_was_sent"),
    "DELETE /contacts/{}": ("contacts", "delete_erases"),
    "POST /contacts/{}/tags": ("contacts", "tags_are_appended_in_order_and_removed"),
    "DELETE /contacts/{}/tags/{}": ("contacts", "a_tag_with_a_slash_can_be_removed"),
    "GET /contacts/{}/activity": ("timeline", "activity_keeps_four_fields_newest_first"),
    "PUT /contacts/{}/preferences": ("consent", "booleans_and_words_set_only_the_channels_named"),
    "GET /contacts/optouts": ("consent", "opted_out_contacts_newest_opt_out_first"),
    "GET /contacts/lists": ("lists", "lists_are_paged_newest_first"),
    "POST /contacts/lists": ("lists", "create_answers_201_with_an_empty_list"),
    "PUT /contacts/lists/{}": ("lists", "what_is_sent_changes"),
    "DELETE /contacts/lists/{}": ("lists", "delete_removes_the_list_and_keeps_the_members"),
    "GET /contacts/lists/{}/members": ("lists", "members_are_paged_newest_contact_first"),
    "GET /contacts/segments": ("segments", "segments_are_listed_newest_first_in_pages"),
    "POST /contacts/segments": ("segments", "create_answers_201_with_rules_count_and_words"),
    "DELETE /contacts/segments/{}": ("segments", "delete_leaves_the_contacts"),
    "GET /contacts/{}/frequency-caps": ("send_gate", "the_caps_of_a_contact_are_the_enabled_ones_by_channel"),
    "GET /contacts/{}/journey": ("timeline", "journey_is_oldest_first_and_tells_the_stage_of_each_event"),
    "GET /contacts/{}/journey.csv": ("timeline", "the_file_tells_the_journey"),
    "GET /contacts/{}/next-best-action": ("next_best_action", "a_cold_workspace_gets_an_answer"),
    "GET /contacts/{}/profile": ("profile", "a_new_contacts_profile_has_every_part"),
    "GET /contacts/{}/notes": ("notes", "notes_are_paged_newest_first"),
    "GET /contacts/{}/preferences": ("consent", "a_new_contact_is_unknown_on_all_eleven_channels"),
    "GET /contacts/{}/timeline": ("timeline", "timeline_is_newest_first_with_our_own_events"),
    "GET /contacts/blocked": ("blocking", "the_list_is_newest_block_first_in_pages"),
    "GET /contacts/import-jobs": ("imports", "jobs_are_listed_newest_first"),
    "GET /contacts/import-jobs/{}/skipped.csv": ("imports", "skipped_rows_can_be_corrected_and_sent_again"),
    "POST /contacts/{}/block": ("blocking", "a_block_is_shown_with_its_reason"),
    "POST /contacts/{}/notes": ("notes", "a_note_is_written_by_the_caller"),
    "POST /contacts/{}/unblock": ("blocking", "unblocking_lifts_the_block_and_no_opt_out"),
    "POST /contacts/actions": ("bulk_actions", "an_action_changes_and_its_undo_restores"),
    "POST /contacts/bulk": ("imports", "answer_has_the_fields_of_the_contract"),
    "POST /contacts/bulk-delete": ("bulk_actions", "bulk_delete_is_soft_and_never_everybody"),
    "POST /contacts/export": ("exports", "csv_holds_every_field_and_no_formula"),
    "PATCH /contacts/{}/notes/{}": ("notes", "a_note_is_changed_and_pinned"),
    "DELETE /contacts/{}/notes/{}": ("notes", "a_deleted_note_leaves_none_of_its_text"),
}

BEGIN, END = "<!-- documented operations -->", "<!-- /documented operations -->"


def readme() -> str:
    """The README with its table of the documented operations, each linked to the test that shows what it does."""
    page = (ROOT / "README.md").read_text()
    assert BEGIN in page, f"README.md has no {BEGIN}"
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{operations_table()}{END}", page, flags=re.DOTALL)


def operations_table() -> str:
    built = {key(operation.method, operation.path): operation for operation in OPERATIONS}
    documented = known()["operations"]
    lines = ["| Operation | Documented | Test |", "|---|---|---|"]
    for name in dict.fromkeys((*documented["older"], *documented["newer"])):
        pages = " and ".join(page for page in ("older", "newer") if name in documented[page])
        if (operation := built.get(name)) is None:
            lines.append(f"| `{name}` | {pages} | not yet |")
        else:
            lines.append(f"| `{operation.method} {operation.path}` | {pages} | {proof_of(name)} |")
    return "\n".join(lines) + "\n"


def proof_of(name: str) -> str:
    """A link to the test of an operation."""
    assert name in PROOFS, f"name a test of {name} in tests/documents.py"
    feature, test = PROOFS[name]
    for file in sorted((ROOT / "tests" / "features" / feature).rglob("test_*.py")):
        if re.search(rf"^(?:async )?def test_{test}\(", file.read_text(), re.MULTILINE):
            return f"[{test.replace('_', ' ')}]({file.relative_to(ROOT)})"
    raise AssertionError(f"there is no test_{test} in tests/features/{feature}: name another in tests/documents.py")


FILES: dict[str, Callable[[], str]] = {
    "openapi.json": openapi,
    "docs/guide/settings.md": settings,
    "docs/guide/errors.md": errors_page.markdown,
    "README.md": readme,
}

if __name__ == "__main__":
    for name, make in FILES.items():
        (ROOT / name).write_text(make())
