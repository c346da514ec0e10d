"""Segments for the generated calls."""

from typing import Any

from tests.conftest import Client
from tests.generated.samples import Owned, Samples, word


def a_segment(api: Client, own: Owned) -> str:
    """A rule that the contact of the calls meets by its list."""
    rules = {"$or": [{"lists": own["lst"]}, {"tags": "vip"}]}
    made: dict[str, Any] = api.data("POST", "/contacts/segments", {"name": word(), "rules": rules})
    return made["id"]


# Where a rule names something of the workspace.
_NAMING = (
    lambda own, ids: {"name": word(), "rules": {"lists": ids["lst"]}},
    lambda own, ids: {"name": word(), "rules": {"lists": {"$contains_any": [own["lst"], ids["lst"]]}}},
    lambda own, ids: {"name": word(), "rules": {"$or": [{"segment": ids["seg"]}, {"tags": "vip"}]}},
)

SAMPLES = Samples(
    makers={"seg": a_segment},
    bodies={
        "create_segment": lambda own: {"name": word(), "rules": {"lists": own["lst"]}},
        "preview_segment": lambda own: {"rules": {"lists": own["lst"]}},
    },
    foreign={
        "create_segment": _NAMING,
        "update_segment": _NAMING,
        "patch_segment": _NAMING,
        "preview_segment": _NAMING,
    },
)
