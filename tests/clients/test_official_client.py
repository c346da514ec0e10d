"""The product's official Python client works against this server, unchanged: every operation, and whole stories."""

import json

import pytest
from orbit_sdk import OrbitAuthenticationError, OrbitClient, OrbitClientError

from orbit_contacts.core.operations import Operation
from orbit_contacts.interfaces.api import OPERATIONS
from tests.clients.conftest import client_of
from tests.conftest import Workspace
from tests.generated.calls import described, prepared_call
from tests.generated.samples import Owned, gathered


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_every_operation(operation: Operation, orbit: OrbitClient, workspace: Workspace) -> None:
    """Called with things of one's own, it is done, and the client gives back `data` and `meta`."""
    call = prepared_call(operation, Owned(workspace.api))
    if isinstance(call.body, str | bytes) or operation.is_stream:
        through_its_transport(orbit, operation, call.path, call.body)
        return
    answer = orbit.request(call.method, call.path, params=call.query, json_body=call.body)
    if operation.status == 204:
        assert answer == {}
    else:
        assert answer["meta"]["request_id"].startswith("req_")
        assert "data" in answer


def through_its_transport(orbit: OrbitClient, operation: Operation, path: str, body: str | bytes | None) -> None:
    """Files, which `request` cannot take: it sends and reads JSON only. The rest of the client works for them."""
    headers = {"X-API-Key": orbit._api_key, **gathered().headers.get(operation.id, {})}
    sent = body.encode() if isinstance(body, str) else body
    content, status, got = orbit._raw_request(operation.method, orbit._build_url(path, None), headers, sent, 30)
    kinds = described(operation)["responses"][str(status)].get("content", {})
    assert 200 <= status < 300, content
    assert got["content-type"].partition(";")[0] in {kind.partition(";")[0] for kind in kinds}


def test_the_life_of_a_contact(orbit: OrbitClient) -> None:
    jane = orbit.request("POST", "/contacts", json_body={"phone": "+1 (415) 555-2671", "first_name": "Jane"})["data"]
    assert jane["phone"] == "+14155552671"
    path = f"/contacts/{jane['id']}"
    assert orbit.request("PUT", path, json_body={"last_name": "Doe"})["data"]["first_name"] == "Jane"
    assert orbit.request("GET", path)["data"]["last_name"] == "Doe"
    assert orbit.request("POST", f"{path}/tags", json_body={"tags": ["vip", "vip", "beta"]})["data"] == {
        "id": jane["id"],
        "tags": ["vip", "beta"],
    }
    assert orbit.request("DELETE", f"{path}/tags/beta")["data"]["tags"] == ["vip"]
    assert orbit.request("DELETE", path, params={"soft": True}) == {}
    with pytest.raises(OrbitClientError) as gone:
        orbit.request("GET", path)
    assert (gone.value.status, gone.value.code) == (404, "NOT_FOUND")
    assert orbit.request("POST", f"{path}/restore")["data"]["tags"] == ["vip"]
    assert orbit.request("DELETE", path, json_body={}) == {}
    with pytest.raises(OrbitClientError):
        orbit.request("POST", f"{path}/restore")


def test_filters_as_the_client_writes_them(orbit: OrbitClient) -> None:
    """Lists become `tags=a&tags=b`, True becomes `True`, None is left out."""
    for name, tags in {"a": ["red"], "b": ["blue"], "c": ["green"]}.items():
        orbit.request("POST", "/contacts", json_body={"email": f"{name}@example.com", "tags": tags})

    def found(**params: object) -> list[str]:
        return [contact["email"][0] for contact in orbit.request("GET", "/contacts", params=params)["data"]]

    assert found(tags=["red", "blue"]) == ["b", "a"]
    assert found(tags="red,green") == ["c", "a"]
    assert found(has_email=True, has_phone=False, cursor=None) == ["c", "b", "a"]
    assert found(has_phone=True) == []
    assert found(search="A@EXAMPLE") == ["a"]


def test_pages_to_the_end(orbit: OrbitClient) -> None:
    made = [orbit.request("POST", "/contacts", json_body={"external_id": str(n)})["data"]["id"] for n in range(7)]
    seen: list[str] = []
    cursor = None
    while True:
        page = orbit.request("GET", "/contacts/", params={"limit": 3, "cursor": cursor})
        seen += [contact["id"] for contact in page["data"]]
        assert page["meta"]["pagination"]["total"] == 7
        if not page["meta"]["pagination"]["has_more"]:
            break
        cursor = page["meta"]["pagination"]["cursor"]
    assert seen == made[::-1]


@pytest.mark.parametrize("base", ["/api/v1", "/api/v1/", "/v1", "/v1/"])
@pytest.mark.parametrize("path", ["/contacts", "/contacts/", "contacts"])
def test_every_spelling_of_the_address(workspace: Workspace, base: str, path: str) -> None:
    orbit = client_of(workspace, base=base)
    made = orbit.request("POST", path, json_body={"email": "jane@example.com"})["data"]
    assert orbit.request("GET", path)["data"][0]["id"] == made["id"]
    assert orbit.request("DELETE", f"{path.rstrip('/')}/{made['id']}/") == {}


def test_a_key_makes_a_key(orbit: OrbitClient, workspace: Workspace) -> None:
    body = {"name": "reader", "scopes": ["contacts:read"], "expiresIn": "30d"}
    made = orbit.request("POST", "/settings/api-keys", json_body=body)["data"]
    reader = OrbitClient(api_key=made["key"], base_url=f"{workspace.api.url}/api/v1")
    assert reader.request("GET", "/contacts")["data"] == []
    with pytest.raises(OrbitAuthenticationError) as refused:
        reader.request("POST", "/contacts", json_body={"email": "a@example.com"})
    assert (refused.value.status, refused.value.code) == (403, "INSUFFICIENT_PERMISSIONS")


def test_refusals_reach_the_caller(orbit: OrbitClient) -> None:
    """Code, message, status and request id; business refusals are no authentication errors."""
    with pytest.raises(OrbitClientError) as refused:
        orbit.request("POST", "/contacts", json_body={"phone": "12"})
    assert (refused.value.status, refused.value.code) == (422, "INVALID_PHONE_NUMBER")
    assert refused.value.request_id.startswith("req_")
    orbit.request("POST", "/contacts", json_body={"email": "jane@example.com"})
    with pytest.raises(OrbitClientError) as clash:
        orbit.request("POST", "/contacts", json_body={"email": "JANE@example.com"})
    assert (clash.value.status, clash.value.code) == (409, "CONTACT_ALREADY_EXISTS")


def test_a_wrong_key(workspace: Workspace) -> None:
    stranger = OrbitClient(api_key="dv_live_sk_nobodynobodynobody", base_url=f"{workspace.api.url}/api/v1")
    with pytest.raises(OrbitAuthenticationError) as refused:
        stranger.request("GET", "/contacts")
    assert (refused.value.status, refused.value.code) == (401, "INVALID_API_KEY")


def test_one_idempotency_key_for_one_request(orbit: OrbitClient) -> None:
    body = {"email": "jane@example.com"}
    first = orbit.request("POST", "/contacts", json_body=body, idempotency_key="order-1")
    assert orbit.request("POST", "/contacts", json_body=body, idempotency_key="order-1") == first
    with pytest.raises(OrbitClientError) as reused:
        orbit.request("POST", "/contacts", json_body={"email": "john@example.com"}, idempotency_key="order-1")
    assert (reused.value.status, reused.value.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    path = f"/contacts/{first['data']['id']}"
    assert [orbit.request("DELETE", path, idempotency_key="order-2") for _ in range(2)] == [{}, {}]


def test_unicode_and_numbers_come_back_as_sent(orbit: OrbitClient) -> None:
    metadata = {"名前": "ゾーイ", "n": 1, "big": 2**70, "f": 0.1, "deep": {"a": [None, True, "\U0001f600"]}}
    made = orbit.request("POST", "/contacts", json_body={"external_id": "ключ", "metadata": metadata})["data"]
    assert json.dumps(made["metadata"], sort_keys=True) == json.dumps(metadata, sort_keys=True)
    assert orbit.request("GET", "/contacts", params={"external_id": "ключ"})["data"][0]["id"] == made["id"]
