"""Imports for the generated calls."""

from tests.conftest import Client
from tests.generated.samples import Owned, Samples, word


def an_import(api: Client, own: Owned) -> str:
    """One that waits for a worker, which no test of these runs: more than 1,000 rows."""
    contacts = [{"external_id": f"{word()}-{n}"} for n in range(1_001)]
    return api.data("POST", "/contacts/bulk", {"contacts": contacts})["import_job_id"]


def cancelled(api: Client, own: Owned) -> None:
    """Only an import that has ended can be rolled back."""
    api.data("POST", f"/contacts/import-jobs/{own['imp']}/cancel")


SAMPLES = Samples(
    makers={"imp": an_import},
    bodies={
        "import_contacts": lambda own: {"contacts": [{"email": f"{word()}@example.com", "list_ids": [own["lst"]]}]},
        "preview_import": lambda own: f"email,first_name\r\n{word()}@example.com,Ada\r\n",
    },
    before={"roll_back_import": cancelled},
    headers={"preview_import": {"Content-Type": "text/csv"}},
)
