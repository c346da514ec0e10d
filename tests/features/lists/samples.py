"""Lists for the generated calls."""

from typing import Any

from tests.conftest import Client
from tests.generated.samples import Owned, Samples, word


def a_list_with_the_contact(api: Client, own: Owned) -> str:
    made: dict[str, Any] = api.data("POST", "/contacts/lists", {"name": word()})
    api.data("POST", f"/contacts/lists/{made['id']}/members", {"contact_ids": [own["con"]]})
    return made["id"]


SAMPLES = Samples(
    makers={"lst": a_list_with_the_contact},
    bodies={"create_list": lambda own: {"name": word()}},
)
