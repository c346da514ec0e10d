"""A browser without JavaScript, made of HTTP: pages as text, forms as posts."""

import re

import httpx
import pytest

from tests.conftest import Client


class Visitor:
    """Signed in with a key; `get` gives a page, `post` sends a form with the token of the page before."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=f"{url}/console", follow_redirects=True, timeout=30)
        self.origin = url

    def sign_in(self, key: str) -> httpx.Response:
        return self.http.post("/sign-in", data={"key": key}, headers={"Origin": self.origin})

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def token(self) -> str:
        page = self.http.get("/settings").text
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
        assert found, page[:500]
        return found[1]

    def post(self, path: str, **fields: object) -> httpx.Response:
        return self.http.post(path, data={"csrf": self.token(), **fields}, headers={"Origin": self.origin})


@pytest.fixture
def visitor(api: Client) -> Visitor:
    visitor = Visitor(api.url)
    visitor.sign_in(api.key)
    return visitor
