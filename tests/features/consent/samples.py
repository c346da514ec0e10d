"""Consent and suppressions for the generated calls."""

from typing import Any

from tests.generated.samples import Owned, Samples, word


def consent(own: Owned) -> dict[str, Any]:
    return {"contact_id": own["con"], "channels": ["sms", "email"], "opt_in": False, "source": "web_form"}


SAMPLES = Samples(
    makers={
        "cr": lambda api, own: api.data("POST", "/compliance/consent", consent(own))["consent_record_ids"][0],
        "sup": lambda api, own: api.data("POST", "/compliance/suppression-list", {"address": f"{word()}@example.com"})[
            "id"
        ],
    },
    fields={"consent_record_id": "cr"},
    queries={"list_consent_records": lambda own: {"contact_id": own["con"]}},
    bodies={
        "set_preferences": lambda own: {"preferences": {"sms": True, "email": False, "voice": "opted_in"}},
        "patch_preferences": lambda own: {"preferences": {"sms": True}},
        "record_consent": consent,
        "add_suppression": lambda own: {"address": f"{word()}@example.com"},
        "import_suppressions": lambda own: f"email,reason\r\n{word()}@example.com,asked by letter\r\n",
    },
    headers={"import_suppressions": {"Content-Type": "text/csv"}},
)
