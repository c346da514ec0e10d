"""Bulk actions for the generated calls."""

from tests.conftest import Client
from tests.generated.samples import Owned, Samples


def an_action(api: Client, own: Owned) -> str:
    body = {"action": "add_tags", "contact_ids": [own["con"]], "params": {"tags": ["autumn"]}}
    return api.data("POST", "/contacts/actions", body)["id"]


SAMPLES = Samples(
    makers={"act": an_action},
    # An alias of `contact_ids`, beside which it is refused: named in `foreign`.
    fields={"run_bulk_action.ids": None, "bulk_delete_contacts.ids": None},
    bodies={
        "run_bulk_action": lambda own: {"action": "block", "contact_ids": [own["con"]], "params": {"reason": "rude"}},
        "bulk_delete_contacts": lambda own: {"contact_ids": [own["con"]]},
    },
    foreign={
        "run_bulk_action": (
            *(
                lambda own, named, action=action, params=params: {
                    "action": action,
                    "ids": [named["con"]],
                    "params": params,
                }
                for action, params in {
                    "add_tags": {"tags": ["taken"]},
                    "remove_tags": {"tags": ["kept"]},
                    "set_lifecycle_stage": {"lifecycle_stage": "churned"},
                    "update": {"fields": {"first_name": "Taken"}},
                    "block": {},
                    "opt_out": {"channels": ["sms"]},
                    "opt_in": {"channels": ["sms"]},
                    "delete": {},
                    "restore": {},
                }.items()
            ),
            lambda own, named: {
                "action": "add_to_list",
                "contact_ids": [own["con"]],
                "params": {"list_id": named["lst"]},
            },
            lambda own, named: {
                "action": "remove_from_list",
                "contact_ids": [own["con"]],
                "params": {"list_id": named["lst"]},
            },
            lambda own, named: {
                "action": "add_tags",
                "filter": {"list_id": named["lst"]},
                "params": {"tags": ["taken"]},
            },
        ),
        "bulk_delete_contacts": (lambda own, named: {"ids": [named["con"]]},),
    },
)
