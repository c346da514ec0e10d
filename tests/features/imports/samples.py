"""Imports for the generated calls."""

from tests.conftest import Client
from tests.generated.samples import Owned, Samples, word


def an_import(api: Client, own: Owned) -> str:
    body = {"contacts": [{"email": f"{word()}@example.com"}]}
    return api.data("POST", "/contacts/bulk", body)["import_job_id"]


def a_queued_import(api: Client, own: Owned) -> None:
    """Cancelling needs one that still waits: more than 1,000 rows."""
    body = {"contacts": [{"external_id": f"{word()}-{n}"} for n in range(1_001)]}
    own.forget("imp")
    QUEUED[api.key] = api.data("POST", "/contacts/bulk", body)["import_job_id"]


QUEUED: dict[str, str] = {}

SAMPLES = Samples(
    makers={"imp": an_import},
    bodies={
        "import_contacts": lambda own: {"contacts": [{"email": f"{word()}@example.com", "list_ids": [own["lst"]]}]},
        "preview_import": lambda own: f"email,first_name\r\n{word()}@example.com,Ada\r\n",
    },
    headers={"preview_import": {"Content-Type": "text/csv"}},
)
