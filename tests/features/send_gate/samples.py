"""Frequency caps and send checks for the generated calls."""

from tests.conftest import Client
from tests.generated.samples import Owned, Samples

CAP = {"name": "Daily", "limit": 3, "window_seconds": 86_400}


def a_cap(api: Client, own: Owned) -> str:
    return api.data("POST", "/frequency-caps", CAP)["id"]


def enable_dnc(api: Client, own: Owned) -> None:
    api.data("PATCH", "/settings/compliance", {"dnc": {"enabled": True}})


SAMPLES = Samples(
    makers={"fcap": a_cap},
    # A message is its sender's.
    fields={"message_id": None},
    bodies={
        "create_frequency_cap": lambda own: CAP,
        "change_frequency_cap": lambda own: {"limit": 5},
        "check_send": lambda own: {"channel": "sms", "message_id": "msg_1", "record": True},
        "check_sends": lambda own: {"checks": [{"contact_id": own["con"], "channel": "sms"}], "record": True},
        "change_compliance_settings": lambda own: {"quiet_hours": {"timezone": "Europe/Istanbul"}},
    },
    queries={
        "preview_quiet_hours": lambda own: {"phone": "+905321234567", "channel": "sms"},
        "check_dnc": lambda own: {"phone": "+905321234567"},
    },
    before={"check_dnc": enable_dnc},
)
