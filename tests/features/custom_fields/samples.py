"""Custom fields for the generated calls."""

from typing import Any

from tests.generated.samples import Owned, Samples, word


def a_value(own: Owned) -> dict[str, Any]:
    return {"contact_id": own["con"], "key": own.api.data("GET", f"/custom-fields/{own['cf']}")["key"], "value": "x"}


SAMPLES = Samples(
    makers={"cf": lambda api, own: api.data("POST", "/custom-fields", {"key": f"k{word()}", "type": "text"})["id"]},
    fields={"reorder_custom_fields.ids": "cf"},
    bodies={
        "create_custom_field": lambda own: {"key": f"k{word()}", "type": "text"},
        "reorder_custom_fields": lambda own: {"ids": [own["cf"]]},
        "set_custom_field_value": a_value,
    },
)
