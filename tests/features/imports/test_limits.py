"""How large a file may be: the contract's bounds, and those of the server's settings."""

from dataclasses import replace

import pytest

from orbit_contacts.features.imports import limits, routes
from tests.conftest import Client
from tests.features.imports.cast import rows_csv, send_csv


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "upload", limits.upload)
    for operation in routes.routes.operations:
        monkeypatch.setattr(operation, "max_body", operation.max_body)


def refused(api: Client, text: str) -> tuple[int, str]:
    answer = api.request("POST", "/contacts/bulk", content=text.encode(), headers={"content-type": "text/csv"})
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.usefixtures("usual")
def test_smaller_bounds(api: Client) -> None:
    routes.allow(max_rows=3, max_bytes=400)
    assert send_csv(api, rows_csv(3))["created"] == 3
    assert refused(api, rows_csv(4)) == (413, "PAYLOAD_TOO_LARGE")
    assert refused(api, rows_csv(3) + "\r\n" * 400) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.usefixtures("usual")
def test_more_than_the_contract_asks_for(api: Client) -> None:
    text = rows_csv(100_001)
    assert refused(api, text) == (413, "PAYLOAD_TOO_LARGE")
    routes.allow(max_rows=200_000, max_bytes=50 << 20)
    job = send_csv(api, text)
    assert (job["status"], job["total"]) == ("queued", 100_001)
    api.data("POST", f"/contacts/import-jobs/{job['import_job_id']}/cancel")


def test_what_it_unpacks_to_grows_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "upload", limits.upload)
    usual = replace(limits.upload)
    limits.allow(10, 1024)
    assert limits.upload.max_expanded_bytes == usual.max_expanded_bytes
    limits.allow(10, 2 * usual.max_bytes)
    assert limits.upload.max_expanded_bytes > 1.9 * usual.max_expanded_bytes
