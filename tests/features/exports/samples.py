"""Exports for the generated calls."""

from tests.conftest import Client
from tests.generated.samples import Owned, Samples


def an_export(api: Client, own: Owned) -> str:
    return api.data("POST", "/contacts/export", {"contact_ids": [own["con"]]})["export_id"]


SAMPLES = Samples(
    makers={"exp": an_export},
    bodies={"export_contacts": lambda own: {"contact_ids": [own["con"]], "fields": ["id"]}},
)
