"""Merges for the generated calls."""

from tests.conftest import Client
from tests.generated.samples import Owned, Samples


def a_merge(api: Client, own: Owned) -> str:
    return api.data("POST", f"/contacts/{own['con']}/merge", {"source_ids": [api.contact()["id"]]})["merge_id"]


SAMPLES = Samples(
    makers={"mrg": a_merge},
    fields={"source_ids": "con"},
    bodies={
        "merge_contacts": lambda own: {"source_ids": [own.api.contact()["id"]]},
        "unmerge_contacts": lambda own: {"merge_id": own["mrg"]},
        "dismiss_duplicate": lambda own: {"contact_ids": [own["con"], own.api.contact()["id"]]},
    },
)
