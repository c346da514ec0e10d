"""Signing in with an API key or a one-time link, and out again."""

from starlette.responses import Response

from orbit_contacts.core.errors import InvalidApiKey, Refusal
from orbit_contacts.features.workspaces.authentication import Authenticator
from orbit_contacts.interfaces.console import sessions
from orbit_contacts.interfaces.console.visit import Views, Visit

COOKIE = "orbit_session"


class SignIn:
    """The views that need no session; they ask the API's own authenticator."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self.views = Views()
        self.views.get("/sign-in", None)(show)
        self.views.post("/sign-in", None)(self._sign_in)
        self.views.get("/sign-in/link", None)(show_link)
        self.views.post("/sign-in/link", None)(open_link)
        self.views.post("/sign-out", None)(sign_out)
        self.views.post("/sign-out/everywhere", None)(sign_out_everywhere)

    async def _sign_in(self, visit: Visit) -> Response:
        request = visit.request
        key, next = visit.field("key"), _next(visit.field("next"))
        client = request.client.host if request.client else ""
        headers = {name: value for name, value in request.headers.raw if name == b"x-forwarded-for"}
        try:
            caller = await self._authenticator(headers | {b"x-api-key": key.encode()}, client, b"")
            if caller.public:
                raise InvalidApiKey("Keys for browsers cannot sign in; use a secret key.", field="key", value=None)
        except Refusal as refusal:
            return visit.page("sign_in/page.html", refusal.status, error=visit.wording.refusal(refusal), next=next)
        async with visit.database.transaction(caller) as tx:
            token = await sessions.start(tx)
        return _signed_in(visit, token, next)


def _next(path: str) -> str:
    """Only a page of this console; anything else becomes the contact list."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\", "/sign-")) else "/contacts"


def _signed_in(visit: Visit, token: str, path: str) -> Response:
    response = visit.go(path)
    visit.set_cookie(response, COOKIE, token, max_age=sessions.SESSION_SECONDS)
    return response


async def show(visit: Visit) -> Response:
    next = _next(visit.request.query_params.get("next", ""))
    if visit.session is not None:
        return visit.go(next)
    return visit.page("sign_in/page.html", error=None, next=next)


async def show_link(visit: Visit) -> Response:
    """A button rather than a sign-in at once: programs that open links to look at them must not use it up."""
    return visit.page("sign_in/link.html", token=visit.request.query_params.get("token", "")[:100])


async def open_link(visit: Visit) -> Response:
    return _signed_in(visit, await sessions.open_link(visit.database, visit.field("token")[:100]), "/contacts")


async def sign_out(visit: Visit) -> Response:
    if visit.session is not None:
        await sessions.end(visit.database, visit.session.token)
    return _signed_out(visit)


async def sign_out_everywhere(visit: Visit) -> Response:
    async with visit.transaction() as tx:
        await sessions.end_all(tx)
    return _signed_out(visit)


def _signed_out(visit: Visit) -> Response:
    response = visit.go("/sign-in")
    response.delete_cookie(COOKIE, path=visit.base or "/")
    return response
