"""What holds for every request: credentials, envelopes, errors, idempotency, limits, and commit before answer."""

import asyncio
import json
import socket
import threading
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import jwt
import pytest
import uvicorn

from orbit_contacts.core.database import connect
from orbit_contacts.core.errors import RateLimited
from orbit_contacts.core.rate_limit import RateLimit
from orbit_contacts.interfaces.http_protocol import LeanProtocol
from tests.conftest import Client, Server, Workspace


def test_no_key_is_401(server: Server) -> None:
    response = httpx.get(f"{server.url}/api/v1/contacts")
    assert (response.status_code, response.json()["error"]["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("header", ["X-API-Key: {key} \t", "X-API-Key: \r\nAuthorization: Bearer  {key} "])
def test_space_around_a_key_is_no_part_of_it(workspace: Workspace, header: str) -> None:
    """By hand: client libraries tidy their headers."""
    address = urlsplit(workspace.api.url)
    with socket.create_connection((address.hostname, address.port)) as connection:
        sent = header.format(key=workspace.key)
        connection.sendall(f"GET /v1/contacts HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{sent}\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 200"


def test_an_empty_key_is_no_key(server: Server) -> None:
    response = httpx.get(f"{server.url}/api/v1/contacts", headers={"X-API-Key": ""})
    assert (response.status_code, response.json()["error"]["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("key", ["x", "dv_live_sk_unknownunknownunknown", "sk_live_1", "dv_live_sk_\xff"])
def test_a_wrong_key_is_401(server: Server, key: str) -> None:
    response = httpx.get(f"{server.url}/api/v1/contacts", headers={"X-API-Key": key.encode("latin-1")})
    assert (response.status_code, response.json()["error"]["code"]) == (401, "INVALID_API_KEY")


def test_a_key_works_as_bearer(server: Server, workspace: Workspace) -> None:
    response = httpx.get(f"{server.url}/v1/contacts/", headers={"Authorization": f"Bearer {workspace.key}"})
    assert response.status_code == 200


def test_scopes_are_enforced(workspace: Workspace) -> None:
    reading = workspace.api.data("POST", "/settings/api-keys", {"name": "r", "scopes": ["contacts:read"]})["key"]
    reader = Client(workspace.api.url, reading)
    assert reader.get("/contacts").status_code == 200
    response = reader.post("/contacts", {"email": "a@example.com"})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")
    assert response.json()["error"]["details"]["expected"] == "contacts:write"


def test_a_revoked_key_stops_at_once(workspace: Workspace) -> None:
    made = workspace.api.data("POST", "/settings/api-keys", {"name": "r", "scopes": ["*"]})
    other = Client(workspace.api.url, made["key"])
    assert other.get("/contacts").status_code == 200
    assert workspace.api.delete(f"/settings/api-keys/{made['id']}").status_code == 204
    # Over a connection that is open, the next request comes sooner than a notification.
    assert other.get("/contacts").status_code == 401


def test_the_country_of_a_workspace_holds_from_the_next_request_on(workspace: Workspace) -> None:
    api = workspace.api
    for country, phone in (("DE", "+4930901820"), ("AT", "+4330901820")) * 5:
        api.data("PATCH", "/settings/contacts", {"default_country_code": country})
        assert api.contact(phone="030 901820", email=None)["phone"] == phone
        api.delete(f"/contacts/{api.get('/contacts').json()['data'][0]['id']}")


def test_a_public_key_cannot_reach_contacts(workspace: Workspace) -> None:
    body = {"name": "p", "type": "public", "scopes": ["contacts:read"]}
    made = workspace.api.data("POST", "/settings/api-keys", body)
    assert made["key"].startswith("dv_live_pk_")
    assert Client(workspace.api.url, made["key"]).get("/contacts").status_code == 403


def test_a_key_is_bound_to_its_addresses(workspace: Workspace) -> None:
    body = {"name": "ip", "scopes": ["*"], "allowed_ips": ["203.0.113.0/24"]}
    made = workspace.api.data("POST", "/settings/api-keys", body)
    response = Client(workspace.api.url, made["key"]).get("/contacts")
    assert (response.status_code, response.json()["error"]["code"]) == (403, "IP_NOT_ALLOWED")


def test_dashboard_tokens(dsn: str, workspace: Workspace) -> None:
    server = Server(dsn, jwt_secret="a-secret-of-at-least-32-characters!").start()

    async def organization() -> int:
        connection = await connect(dsn)
        try:
            return await connection.fetchval("SELECT organization_id FROM workspaces WHERE id = $1", workspace.id)
        finally:
            await connection.close()

    def get(method: str = "GET", **claims: Any) -> httpx.Response:
        claims = {"sub": "u1", "org_id": str(asyncio.run(organization())), "role": "viewer", "exp": 4102444800} | claims
        token = jwt.encode(claims, "a-secret-of-at-least-32-characters!", algorithm="HS256")
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.request(method, f"{server.url}/api/v1/contacts", headers=headers, json={"external_id": "t"})

    try:
        assert get().status_code == 200
        assert get("POST").status_code == 403
        assert get("POST", role="developer").status_code == 201
        assert get(role="billing").status_code == 403
        assert get(exp=1).json()["error"]["code"] == "EXPIRED_TOKEN"
        response = httpx.get(f"{server.url}/v1/contacts", headers={"Authorization": "Bearer a.b.c"})
        assert response.json()["error"]["code"] == "INVALID_API_KEY"
    finally:
        server.stop()


def test_unknown_paths_and_methods_answer_in_the_error_shape(api: Client) -> None:
    missing = api.get("/nothing/here")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "NOT_FOUND")
    for path in ("/api/v1", "/v1/nothing/", "/api/v1/nothing/here"):
        details = httpx.get(f"{api.url}{path}?page=2", headers={"X-API-Key": api.key}).json()["error"]["details"]
        assert (details["field"], details["value"]) == ("path", path)
    wrong = api.http.request("DELETE", "/contacts")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert wrong.headers["allow"] == "GET, POST"
    outside = httpx.get(f"{api.url}/nowhere")
    assert (outside.status_code, outside.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_the_request_id_is_ours_or_a_harmless_given_one(api: Client) -> None:
    given = api.http.get("/contacts", headers={"X-Request-Id": "my-id_1"})
    assert given.headers["x-request-id"] == given.json()["meta"]["request_id"] == "my-id_1"
    refused = api.http.get("/contacts", headers={"X-Request-Id": "no spaces"})
    assert refused.headers["x-request-id"].startswith("req_")


def test_rate_limit_headers_are_always_there(api: Client) -> None:
    response = api.get("/contacts")
    assert int(response.headers["x-ratelimit-limit"]) > int(response.headers["x-ratelimit-remaining"]) >= 0
    assert int(response.headers["x-ratelimit-reset"]) > 1_700_000_000


def test_rate_limits_are_enforced_when_on(dsn: str, workspace: Workspace) -> None:
    server = Server(dsn, rate_limits=True, rate_limit_reads=3).start()
    try:
        api = Client(server.url, workspace.key)
        responses = [api.get("/contacts") for _ in range(8)]
        refused = next(response for response in responses if response.status_code == 429)
        assert refused.json()["error"]["code"] == "RATE_LIMITED"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.json()["error"]["details"]["window"] == "60s"
    finally:
        server.stop()


def test_a_body_over_the_limit_is_413(api: Client) -> None:
    response = api.post("/contacts", {"email": "a@example.com", "first_name": "x" * 2_000_000})
    assert (response.status_code, response.json()["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


def test_a_form_is_415(api: Client) -> None:
    response = api.http.post("/contacts", data={"email": "a@example.com"})
    assert (response.status_code, response.json()["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_the_same_key_replays_the_same_answer(api: Client) -> None:
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    first = api.post("/contacts", {"email": "a@example.com"}, headers=headers)
    again = api.post("/contacts", {"email": "a@example.com"}, headers=headers)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers


def test_a_repeated_delete_replays_204(api: Client) -> None:
    jane = api.contact(email="jane@example.com")
    headers = {"Idempotency-Key": "delete-jane"}
    assert [api.delete(f"/contacts/{jane['id']}", headers=headers).status_code for _ in range(2)] == [204, 204]


def test_the_same_key_for_another_request_is_refused(api: Client) -> None:
    headers = {"Idempotency-Key": "k"}
    jane, john = api.contact(email="jane@example.com"), api.contact(email="john@example.com")
    assert api.delete(f"/contacts/{jane['id']}", headers=headers).status_code == 204
    response = api.delete(f"/contacts/{john['id']}", headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert api.get(f"/contacts/{john['id']}").status_code == 200


async def test_a_key_is_free_again_after_a_day_though_nobody_tidied(workspace: Workspace, dsn: str) -> None:
    api, headers = workspace.api, {"Idempotency-Key": "yesterday"}
    assert api.post("/contacts", {"email": "jane@example.com"}, headers=headers).status_code == 201
    connection = await connect(dsn)
    try:
        await connection.execute(
            "UPDATE idempotency_keys SET created_at = created_at - interval '25 hours' WHERE workspace_id = $1",
            workspace.id,
        )
    finally:
        await connection.close()
    response = api.post("/contacts", {"email": "john@example.com"}, headers=headers)
    assert (response.status_code, "idempotent-replayed" in response.headers) == (201, False)
    again = api.post("/contacts", {"email": "john@example.com"}, headers=headers)
    assert (again.content, "idempotent-replayed" in again.headers) == (response.content, True)


def test_only_successes_are_remembered(api: Client) -> None:
    headers = {"Idempotency-Key": "k"}
    assert api.post("/contacts", {"email": "bad"}, headers=headers).status_code == 422
    assert api.post("/contacts", {"email": "good@example.com"}, headers=headers).status_code == 201


def test_concurrent_requests_with_one_key_do_the_work_once(api: Client) -> None:
    headers = {"Idempotency-Key": "race"}
    answers: list[httpx.Response] = []

    def create() -> None:
        answers.append(
            httpx.post(
                f"{api.url}/v1/contacts", json={"email": "a@example.com"}, headers=headers | {"X-API-Key": api.key}
            )
        )

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert api.get("/contacts").json()["meta"]["pagination"]["total"] == 1


def test_a_key_still_running_ends_in_409(dsn: str, api: Client, workspace: Workspace) -> None:
    """Another transaction holds the key's row: the request waits for it, then says so."""

    async def hold(done: threading.Event, held: threading.Event) -> None:
        connection = await asyncpg.connect(dsn)
        try:
            async with connection.transaction():
                await connection.execute(
                    "INSERT INTO idempotency_keys VALUES ($1, 'slow', 'x', NULL, NULL, NULL, now())", workspace.id
                )
                held.set()
                while not done.is_set():
                    await asyncio.sleep(0.05)
        finally:
            await connection.close()

    done, held = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(hold(done, held)))
    thread.start()
    held.wait(5)
    try:
        response = api.post("/contacts", {"email": "a@example.com"}, headers={"Idempotency-Key": "slow"})
    finally:
        done.set()
        thread.join()
    assert (response.status_code, response.json()["error"]["code"]) == (409, "IDEMPOTENCY_IN_PROGRESS")
    assert response.headers["retry-after"] == "1"


def test_a_commit_that_fails_is_never_a_success(dsn: str, api: Client, workspace: Workspace) -> None:
    """A deferred constraint fails only at COMMIT, after the handler has finished its answer."""

    async def arrange(statement: str) -> None:
        connection = await asyncpg.connect(dsn)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(
        arrange(
            f"""
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
              $$ BEGIN RAISE EXCEPTION 'refused at commit'; END $$;
            CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON contacts DEFERRABLE INITIALLY DEFERRED
              FOR EACH ROW WHEN (NEW.workspace_id = {workspace.id}) EXECUTE FUNCTION refuse();
            """
        )
    )
    try:
        response = api.post("/contacts", {"email": "a@example.com"}, headers={"Idempotency-Key": "k"})
        assert (response.status_code, response.json()["error"]["code"]) == (500, "INTERNAL_ERROR")
    finally:
        asyncio.run(arrange("DROP TRIGGER at_commit ON contacts; DROP FUNCTION refuse()"))
    assert api.get("/contacts").json()["data"] == []
    assert api.post("/contacts", {"email": "a@example.com"}, headers={"Idempotency-Key": "k"}).status_code == 201


def test_health_tells_the_state(server: Server) -> None:
    response = httpx.get(f"{server.url}/health")
    assert response.status_code == 200
    assert response.json()["status"] == response.json()["migrations"]["status"] == "ok"


def test_head_has_no_body(api: Client) -> None:
    response = api.http.head("/contacts")
    assert (response.status_code, response.content) == (200, b"")


def test_an_operation_may_have_a_limit_of_its_own(dsn: str, api: Client) -> None:
    server = Server(dsn, rate_limits=True).start()
    try:
        own = Client(server.url, api.key)
        file = {"content": b"phone\n+14155552671\n", "headers": {"Content-Type": "text/csv"}}
        answers = [own.request("POST", "/compliance/suppression-list/import?dry_run=true", **file) for _ in range(11)]
        assert [answer.status_code for answer in answers[:5]] == [200] * 5
        assert 429 in [answer.status_code for answer in answers]
        assert [answer.headers["x-ratelimit-limit"] for answer in answers[:2]] == ["5", "5"]
        assert answers[0].headers["x-ratelimit-remaining"] == "4"
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert refused.json()["error"]["details"]["limit"] == 5
        assert own.get("/contacts").headers["x-ratelimit-limit"] == "120"
    finally:
        server.stop()


def test_what_is_no_http_is_refused_like_everything_else() -> None:
    config = uvicorn.Config(
        lambda scope, receive, send: None, host="127.0.0.1", port=0, log_level="critical", http=LeanProtocol
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    with socket.create_connection(server.servers[0].sockets[0].getsockname()[:2], timeout=5) as connection:
        connection.sendall(b"NONSENSE / HTTP/1.1\r\nhost: x\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    server.should_exit = True
    thread.join(5)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    error = json.loads(body)["error"]
    assert (error["code"], error["status"], error["details"]["field"]) == ("VALIDATION_ERROR", 400, "request")
    assert json.loads(body)["meta"]["request_id"].encode() in head


@pytest.mark.parametrize("rotated", [False, True])
async def test_a_new_key_is_shown_once_and_nowhere_kept(workspace: Workspace, dsn: str, rotated: bool) -> None:
    api, path, body = workspace.api, "/settings/api-keys", {"name": "till", "scopes": ["contacts:read"]}
    if rotated:
        path, body = f"{path}/{api.data('POST', path, body)['id']}/rotate", None
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    first = api.request("POST", path, body, headers=headers)
    second = api.request("POST", path, body, headers=headers)
    assert (second.status_code, second.headers["Idempotent-Replayed"]) == (201, "true")
    assert first.headers["Cache-Control"] == second.headers["Cache-Control"] == "no-store"
    made, again = first.json()["data"], second.json()["data"]
    assert again == made | {"key": None}
    connection = await connect(dsn)
    kept = await connection.fetchval(
        "SELECT body FROM idempotency_keys WHERE workspace_id = $1 AND key = $2",
        workspace.id,
        headers["Idempotency-Key"],
    )
    await connection.close()
    assert made["key"].encode() not in kept


def test_a_rotated_key_ends_like_the_one_before(workspace: Workspace) -> None:
    made = workspace.api.data(
        "POST", "/settings/api-keys", {"name": "till", "scopes": ["contacts:read"], "expiresIn": "30d"}
    )
    rotated = workspace.api.data("POST", f"/settings/api-keys/{made['id']}/rotate")
    assert made["expires_at"][:10] <= rotated["expires_at"][:10] <= "2099"


def test_the_default_country_reads_national_numbers(workspace: Workspace) -> None:
    api = workspace.api
    assert api.data("GET", "/settings/contacts") == {"default_country_code": None}
    assert api.post("/contacts", {"phone": "0532 123 45 67"}).status_code == 422
    assert api.data("PATCH", "/settings/contacts", {"default_country_code": "tr"}) == {"default_country_code": "TR"}
    for _ in range(50):
        response = api.post("/contacts", {"phone": "0532 123 45 67"})
        if response.status_code == 201:
            break
        threading.Event().wait(0.02)
    assert response.json()["data"]["phone"] == "+905321234567"
    assert workspace.test_api.data("GET", "/settings/contacts") == {"default_country_code": None}
    assert api.patch("/settings/contacts", {"default_country_code": "ZZ"}).status_code == 422
    assert [entry["action"] for entry in api.data("GET", "/settings/audit-log")] == ["settings.contacts_changed"]


def test_a_total_that_was_not_counted_is_not_exact(api: Client) -> None:
    pagination = api.get("/compliance/consent", identifier="nobody@example.com").json()["meta"]["pagination"]
    assert (pagination["total"], pagination["total_is_exact"]) == (None, False)


@pytest.mark.parametrize("act", ["cancel-revoke", "rotate", "schedule-revoke"])
def test_a_revocation_whose_time_has_come_is_final(workspace: Workspace, act: str) -> None:
    api = workspace.api
    made = api.data("POST", "/settings/api-keys", {"name": "till", "scopes": ["contacts:read"]})
    path = f"/settings/api-keys/{made['id']}"
    api.data("POST", f"{path}/schedule-revoke", {"revoke_at": "2020-01-01"})
    response = api.post(f"{path}/{act}", {"revoke_at": "2099-01-01"} if act == "schedule-revoke" else None)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "CONFLICT")


def test_a_refusal_by_rate_tells_the_limit_too() -> None:
    limit = RateLimit(1, enforced=True)
    limit.count("key", "list")
    with pytest.raises(RateLimited) as caught:
        limit.count("key", "list")
    headers = caught.value.headers
    assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("1", "0")
    assert 0 < int(headers["X-RateLimit-Reset"]) - time.time() <= int(headers["Retry-After"])
    assert caught.value.details.keys() == {"retry_after", "limit", "window"}


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("DELETE", "/health", 405, "GET, HEAD"),
        ("PROPFIND", "/docs", 405, "GET, HEAD"),
        ("PROPFIND", "/nowhere", 404, None),
        ("GET", "/nowhere", 404, None),
        ("PUT", "/email/unsubscribe/token", 405, "GET, HEAD, POST"),
    ],
)
def test_pages_refuse_like_the_api(server: Server, method: str, path: str, status: int, allow: str | None) -> None:
    response = httpx.request(method, server.url + path)
    assert (response.status_code, response.headers.get("allow")) == (status, allow)
    assert response.json()["error"]["status"] == status
