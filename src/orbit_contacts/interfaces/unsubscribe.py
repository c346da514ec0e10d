"""`/email/unsubscribe/{token}`: a page with one button, and the one-click POST of RFC 8058. No login, no script.

GET changes nothing, because mail scanners open every link; only POST opts out. A mail program posts
`List-Unsubscribe=One-Click` and wants no redirect; the page's own button posts to the same address.
"""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from orbit_contacts.core.database import UNREACHABLE, Database
from orbit_contacts.core.errors import NotFound
from orbit_contacts.core.settings import Settings
from orbit_contacts.features.consent import unsubscribe

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: 28rem; padding: 0 1rem }}
h1 {{ font-size: 1.4rem }}
button {{ font: inherit; padding: .6rem 1.2rem; border-radius: .4rem; border: 1px solid; cursor: pointer }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{text}</p>
{form}
</main>
</body>
</html>
"""
_FORM = '<form method="post"><button type="submit">Unsubscribe</button></form>'


def routes(settings: Settings, database: Database) -> list[BaseRoute]:
    """The page of this application; links are made for its public address."""
    unsubscribe.base_url = settings.public_url

    async def answer(request: Request) -> HTMLResponse:
        try:
            caller, token = await unsubscribe.read(database, request.path_params["token"])
            if request.method == "POST":
                async with database.transaction(caller) as tx:
                    await unsubscribe.opt_out(tx, token)
            async with database.reader(caller) as reader:
                recipient = await unsubscribe.look(reader, token)
        except NotFound:
            return _page("This link is not valid", "Please open the link as it stands in the message.", 404)
        except UNREACHABLE:
            return _page("Please try again", "We cannot be reached right now; nothing was changed.", 503)
        whom = escape(recipient.masked or "this address")
        if recipient.unsubscribed:
            return _page("You are unsubscribed", f"No more e-mails will be sent to {whom}.")
        return _page("Unsubscribe", f"No longer receive e-mails at {whom}?", form=_FORM)

    return [Route("/email/unsubscribe/{token}", answer, methods=["GET", "POST"])]


def _page(title: str, text: str, status: int = 200, form: str = "") -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=title, text=text, form=form), status, _HEADERS)
