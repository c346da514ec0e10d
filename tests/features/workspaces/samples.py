"""API keys for the generated calls."""

from tests.conftest import Client
from tests.generated.samples import Owned, Samples, word


def schedule_a_revocation(api: Client, own: Owned) -> None:
    api.data("POST", f"/settings/api-keys/{own['key']}/schedule-revoke", {"revoke_at": "2099-01-01T00:00:00Z"})


SAMPLES = Samples(
    makers={
        "key": lambda api, own: api.data("POST", "/settings/api-keys", {"name": word(), "scopes": ["api_keys:write"]})[
            "id"
        ]
    },
    bodies={
        "create_api_key": lambda own: {"name": word(), "scopes": ["api_keys:write"]},
        "schedule_api_key_revocation": lambda own: {"revoke_at": "2099-01-01T00:00:00Z"},
    },
    before={"cancel_api_key_revocation": schedule_a_revocation},
    organization_wide=frozenset({"key"}),
)
