"""How one reader likes the console: theme and language, kept in cookies that the server reads."""

from urllib.parse import urlsplit

from starlette.responses import Response

from orbit_contacts.interfaces.console.visit import THEMES, Views, Visit
from orbit_contacts.interfaces.console.wording import LANGUAGES

views = Views()

_YEAR = 365 * 86_400


@views.post("/theme", None)
async def set_theme(visit: Visit) -> Response:
    return _stored(visit, "orbit_theme", visit.field("theme"), THEMES)


@views.post("/language", None)
async def set_language(visit: Visit) -> Response:
    return _stored(visit, "orbit_lang", visit.field("language"), tuple(LANGUAGES))


def _stored(visit: Visit, cookie: str, value: str, known: tuple[str, ...]) -> Response:
    referer = urlsplit(visit.request.headers.get("referer", ""))
    path = referer.path.removeprefix(visit.base)
    query = f"?{referer.query}" if referer.query else ""
    response = visit.go(path + query if path.startswith("/") and not path.startswith("//") else "/contacts")
    if value in known:
        visit.set_cookie(response, cookie, value, max_age=_YEAR)
    return response
