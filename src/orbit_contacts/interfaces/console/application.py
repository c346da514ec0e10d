"""The console as routes: finds the session, checks writes, and turns refusals into pages."""

from urllib.parse import urlsplit

from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from orbit_contacts.core.database import UNREACHABLE, Database
from orbit_contacts.core.errors import NotFound, PayloadTooLarge, Refusal, ServiceUnavailable
from orbit_contacts.core.settings import Settings
from orbit_contacts.features.workspaces.authentication import Authenticator
from orbit_contacts.interfaces.console import guard, sessions, static_files
from orbit_contacts.interfaces.console.pages import VIEWS
from orbit_contacts.interfaces.console.pages.sign_in import COOKIE, SignIn
from orbit_contacts.interfaces.console.visit import MAX_FORM, MAX_TEXT, View, Visit, secret_of


class Console:
    """Binds views to addresses; holds nothing of its own but where the database is."""

    def __init__(self, settings: Settings, database: Database, authenticator: Authenticator) -> None:
        self._settings = settings
        self._database = database
        self._authenticator = authenticator

    def routes(self) -> list[BaseRoute]:
        sign_in = SignIn(self._authenticator)
        views = [*sign_in.views.all, *VIEWS]
        pages = [Route(view.path, self._endpoint(view), methods=[view.method]) for view in views]
        missing = View("GET", "/{path:path}", None, _missing)
        routes = [*static_files.routes, *pages, Route(missing.path, self._endpoint(missing))]
        middleware = [Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)]
        return [Route("/console", self._start), Mount("/console", routes=routes, middleware=middleware)]

    async def _start(self, request: Request) -> Response:
        return RedirectResponse(str(request.scope.get("root_path", "")) + "/console/contacts", 307)

    def _endpoint(self, view: View):
        async def serve(request: Request) -> Response:
            secure = request.url.scheme == "https" or self._settings.public_url.startswith("https:")
            visit = Visit(self._database, request, None, secure, self._settings.data_path)
            try:
                return await self._answer(view, visit)
            except Refusal as refusal:
                return _refused(visit, refusal)
            except UNREACHABLE:
                return _refused(visit, ServiceUnavailable())

        return serve

    async def _answer(self, view: View, visit: Visit) -> Response:
        request = visit.request
        if view.method == "POST":
            guard.check_origin(request)
        token = request.cookies.get(COOKIE)
        if token is not None and len(token) < 100:
            visit.session = await sessions.find(self._database, token)
        if visit.session is not None:
            client = request.client.host if request.client else ""
            self._authenticator.check_address(visit.session.caller, dict(request.headers.raw), client)
        elif not view.path.startswith("/sign-in"):
            return _to_sign_in(visit)
        if view.method == "POST":
            if int(request.headers.get("content-length") or view.max_form + 1) > view.max_form:
                raise PayloadTooLarge(field="body", value=None, expected=f"at most {view.max_form} bytes")
            # Text is held in memory, files are not; where a file may come, it may be pasted as well.
            most = max(MAX_TEXT, view.max_form if view.max_form > MAX_FORM else 0)
            visit.form = await request.form(max_files=1, max_fields=5000, max_part_size=most)
            if visit.session is not None:
                guard.check_form_token(secret_of(self._database), visit.session.token, visit.field("csrf"))
        if view.scope is not None:
            visit.caller.require(view.scope)
        return await view.handler(visit)


async def _missing(visit: Visit) -> Response:
    raise NotFound("There is no such page.", field="path", value=visit.request.url.path[:200], expected="a page")


def _to_sign_in(visit: Visit) -> Response:
    request = visit.request
    target = request.url.path.removeprefix(visit.base) + (f"?{request.url.query}" if request.url.query else "")
    if request.method != "GET" or request.headers.get("hx-request"):
        target = "/contacts"
    url = request.url.replace(path=visit.base + "/sign-in", query="").include_query_params(next=target)
    response = RedirectResponse(f"{url.path}?{url.query}", 303, guard.HEADERS)
    if request.headers.get("hx-request"):
        # A part of a page must not become the sign-in page: the whole window goes there.
        response = Response(status_code=200, headers={**guard.HEADERS, "HX-Redirect": f"{url.path}?{url.query}"})
    return response


def _refused(visit: Visit, refusal: Refusal) -> Response:
    """What went wrong, as a page; after a form of an open page, as a notice on that page."""
    request = visit.request
    referer = urlsplit(request.headers.get("referer", ""))
    here = referer.netloc == request.headers.get("host") and referer.path.startswith(visit.base + "/")
    if request.method == "POST" and visit.session is not None and here:
        path = referer.path.removeprefix(visit.base) + (f"?{referer.query}" if referer.query else "")
        return visit.go(path, visit.wording.refusal(refusal), is_error=True)
    return visit.page("error/page.html", refusal.status, refusal=refusal)
