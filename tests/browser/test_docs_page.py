"""`/docs` in a real browser, over a small document of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from playwright.async_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from orbit_contacts.interfaces import docs_page

DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Orbit Contacts", "version": "1", "description": "People and how to reach them."},
    "servers": [{"url": "/api/v1"}],
    "tags": [{"name": "Contacts"}],
    "paths": {
        "/contacts": {
            "get": {
                "tags": ["Contacts"],
                "summary": "List the contacts of the workspace",
                "operationId": "list_contacts",
                "security": [{"key": []}],
                "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "default": 25}}],
                "responses": {
                    "200": {
                        "description": "A page of contacts, newest first.",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Contact"}}},
                    }
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Contact": {
                "type": "object",
                "properties": {"id": {"type": "string"}, "phone": {"type": "string"}},
            }
        },
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
    },
}


@pytest.fixture(scope="module")
async def site() -> AsyncIterator[str]:
    """The documentation's routes on loopback."""

    async def document(request: Request) -> JSONResponse:
        return JSONResponse(DOCUMENT)

    app = Starlette(routes=[*docs_page.routes, Route("/openapi.json", document)])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await running


@pytest.mark.browser
async def test_docs_page_shows_an_operation_and_asks_no_other_host(
    site: str, page: Page, foreign_requests: list[str]
) -> None:
    await page.goto(f"{site}/docs")
    await expect(page.get_by_role("heading", name="List the contacts of the workspace")).to_be_visible()
    await search(page, "contacts")
    await send_a_request(page)
    await page.wait_for_timeout(1000)  # for whatever a page sends late
    assert foreign_requests == []
    assert [entry for entry in await page.evaluate("window.violations") if "://" in entry] == []


async def search(page: Page, word: str) -> None:
    await page.keyboard.press("Control+k")
    await page.get_by_role("combobox", name="search").or_(page.get_by_placeholder("search")).first.fill(word)
    await expect(page.get_by_role("option").first).to_be_visible()
    await page.keyboard.press("Escape")


async def send_a_request(page: Page) -> None:
    await page.get_by_role("button", name="Test Request").first.click()
    async with page.expect_response("**/api/v1/contacts*"):
        await page.get_by_role("button", name="Send").first.click()


@pytest.mark.browser
async def test_docs_page_fits_a_narrow_screen(site: str, page: Page) -> None:
    await page.set_viewport_size({"width": 375, "height": 700})
    await page.goto(f"{site}/docs")
    await expect(page.get_by_role("heading", name="List the contacts of the workspace")).to_be_attached()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 375


async def test_docs_page_forbids_every_other_source(site: str) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{site}/docs")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "http" not in policy
    assert "<script>" not in answer.text


async def test_scripts_are_packed_and_cached_until_they_change(site: str) -> None:
    async with httpx.AsyncClient() as client:
        first = await client.get(f"{site}{docs_page.SCALAR.url()}")
        again = await client.get(f"{site}{docs_page.SCALAR.url()}", headers={"If-None-Match": first.headers["etag"]})
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert again.status_code == 304
    assert again.content == b""


async def test_script_at_an_old_address_is_asked_for_each_time(site: str) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{site}{docs_page.START.path}?v=0123456789abcdef")
    assert answer.headers["cache-control"] == "no-cache"


async def test_script_is_plain_for_a_client_without_gzip(site: str) -> None:
    async with httpx.AsyncClient(headers={"Accept-Encoding": "gzip;q=0"}) as client:
        answer = await client.get(f"{site}{docs_page.SCALAR.url()}")
    assert "content-encoding" not in answer.headers
    assert len(answer.content) > 4_000_000
