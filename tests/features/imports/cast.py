"""Small files, and a worker that runs an import's jobs here and now."""

from typing import Any
from uuid import UUID

import msgspec

from orbit_contacts.core import ids, jobs
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, Unbound
from orbit_contacts.features.imports.models import RunImport
from tests.conftest import Client

ADA = {"email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace", "phone": "+14155550101"}
ALAN = {"email": "alan@example.com", "first_name": "Alan", "phone": "+14155550102"}
GRACE = {"email": "grace@example.com", "first_name": "Grace", "external_id": "G-1"}


def bulk(api: Client, contacts: list[Any], **options: Any) -> dict[str, Any]:
    return api.data("POST", "/contacts/bulk", {"contacts": contacts, **options})


def send_csv(api: Client, text: str | bytes, **options: str) -> dict[str, Any]:
    content = text.encode() if isinstance(text, str) else text
    response = api.request(
        "POST", "/contacts/bulk", params=options, content=content, headers={"content-type": "text/csv"}
    )
    assert response.is_success, response.text
    return response.json()["data"]


def people(api: Client) -> dict[str, dict[str, Any]]:
    """All contacts by e-mail (else phone, else external id)."""
    found: dict[str, dict[str, Any]] = {}
    cursor = None
    while True:
        page = api.get("/contacts", limit=200, **({"cursor": cursor} if cursor else {})).json()
        for each in page["data"]:
            found[each["email"] or each["phone"] or each["external_id"]] = each
        cursor = page["meta"]["pagination"]["cursor"]
        if cursor is None:
            return found


def uuid_of(job: dict[str, Any]) -> UUID:
    id = ids.parse("imp", job["import_job_id"])
    assert id is not None
    return id


async def work_off(database: Database, caller: Caller, name: str, job: dict[str, Any]) -> None:
    """Run a queued job of an import as a worker would."""
    await jobs.registry[name].run(Unbound(database, caller, 0), RunImport(import_id=uuid_of(job)))


def skipped(api: Client, job: dict[str, Any]) -> str:
    response = api.get(f"/contacts/import-jobs/{job['import_job_id']}/skipped.csv")
    assert response.status_code == 200, response.text
    return response.content.decode()


def rows_csv(count: int, start: int = 0) -> str:
    lines = ["email,phone,first_name,tags"]
    lines += [f"p{n}@example.com,+4915112{n:06},Person {n},a;b" for n in range(start, start + count)]
    return "\r\n".join(lines) + "\r\n"


def encode(value: Any) -> str:
    return msgspec.json.encode(value).decode()
