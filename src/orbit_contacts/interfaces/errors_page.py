"""`/docs/errors`: every error code, what it means and what to do; the place that `docs_url` of an error names.

Codes, statuses and meanings come from the refusals themselves. What to do is said here, once for each code.
"""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from orbit_contacts.core.errors import Refusal

ADVICE: dict[str, str] = {
    "CONFLICT": "Read the resource again and decide on its present state; `details` says what stands in the way.",
    "CONTACT_ALREADY_EXISTS": "Use the contact in `details.existing_contact_id`, send the create with `?upsert=true`, "
    "or leave out the identifier.",
    "CUSTOM_FIELD_KEY_TAKEN": "Choose another key, or wait until the values of the deleted field are gone.",
    "DNC_SYNC_NOT_ENABLED": "Have the do-not-call gate enabled for the workspace; until then nothing is checked.",
    "EXPIRED_TOKEN": "Sign in again for a new token. API keys have no tokens to expire: send one as `X-API-Key`.",
    "EXPORT_EXPIRED": "Start the export again; its file is kept for 24 hours.",
    "FOREIGN_REQUEST": "Load the page of the console again and send its form from there.",
    "IDEMPOTENCY_IN_PROGRESS": "Wait for `Retry-After` seconds and send the same request with the same key.",
    "IDEMPOTENCY_KEY_REUSED": "Make a new key for each new request; keep a key only for repeating the very same one.",
    "IMPORT_ALREADY_ROLLED_BACK": "Nothing is left to do; what the rollback kept is told in the import job.",
    "IMPORT_NOT_ROLLBACKABLE": "Wait until the import has ended, or cancel it first.",
    "IMPORT_ROLLBACK_EXPIRED": "Correct the contacts by bulk action; a rollback is possible for 24 hours.",
    "INSUFFICIENT_PERMISSIONS": "Use a key with the scope named in `details.expected`, or have this one replaced.",
    "INTERNAL_ERROR": "Try again with the same `Idempotency-Key`; if it stays, report the request id.",
    "INVALID_API_KEY": "Check the key for missing characters; if it was revoked or has expired, make a new one.",
    "INVALID_CHANNEL": "Use one of the channels in `details.expected`.",
    "INVALID_CURSOR": "Start again without `cursor`. A cursor belongs to one list with one set of filters; only "
    "`limit` may change on the way.",
    "INVALID_EMAIL": "Send one address such as `jane@example.com`, without a display name.",
    "INVALID_PHONE_NUMBER": "Send the number with `+` and its country calling code, or send `country_code` beside a "
    "national number.",
    "INVALID_SEGMENT_RULES": "Correct the part of the rules that `details.path` names; the guide lists every operator.",
    "IP_NOT_ALLOWED": "Call from an address the key allows, or have the address added to the key's `allowed_ips`.",
    "LIST_NAME_TAKEN": "Choose another name, or use the list that has it.",
    "MERGE_ALREADY_UNDONE": "Nothing is left to do.",
    "MERGE_EXPIRED": "Make the separate contacts anew; a merge can be undone for 30 days.",
    "METHOD_NOT_ALLOWED": "Use one of the methods in the `Allow` header.",
    "MISSING_REQUIRED_FIELD": "Send the field named in `details.field`.",
    "NOT_FOUND": "Check the id and the key: things of another workspace, of the other mode (live, test) and deleted "
    "ones are not found either.",
    "PAYLOAD_TOO_LARGE": "Send less at once: `details.expected` says how much. Many contacts are better imported.",
    "PRECONDITION_FAILED": "Somebody changed the resource: read it again, and send the change with its new `ETag`.",
    "RATE_LIMITED": "Wait for `Retry-After` seconds. `X-RateLimit-Remaining` tells in advance how many calls are left.",
    "SEGMENT_NAME_TAKEN": "Choose another name, or change the segment that has it.",
    "SERVICE_UNAVAILABLE": "Try again after `Retry-After` seconds with the same `Idempotency-Key`; should the work "
    "have been done after all, you get its answer.",
    "UNAUTHORIZED": "Send the key as `X-API-Key`, or as `Authorization: Bearer`.",
    "UNSUPPORTED_MEDIA_TYPE": "Send the `Content-Type` in `details.expected`, and a body that is what it says.",
    "VALIDATION_ERROR": "`details` names the field, the value that came and what was expected; with several faults, "
    "`details.errors` lists all.",
    "WRONG_KEY_MODE": "Use a live key for live data and a test key for test data.",
}


class Code(NamedTuple):
    """One error code; `meanings` are (status, meaning), since some codes are answered in several cases."""

    name: str
    meanings: list[tuple[int, str]]
    advice: str


def codes() -> list[Code]:
    """Every code that the loaded features can answer, in alphabetical order."""
    found: dict[str, set[tuple[int, str]]] = {}
    for refusal in _kinds(Refusal):
        if refusal.__module__.startswith("orbit_contacts.interfaces.cli."):
            continue  # no answer of the server: the command line has refusals of its own
        found.setdefault(refusal.code, set()).add((refusal.status, refusal.summary))
    return [Code(name, sorted(meanings), ADVICE.get(name, "")) for name, meanings in sorted(found.items())]


def _kinds(refusal: type[Refusal]) -> Iterator[type[Refusal]]:
    for kind in refusal.__subclasses__():
        yield kind
        yield from _kinds(kind)


_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; margin: 3rem auto; max-width: 44rem; padding: 0 1rem }
h2 { font: 600 1.1rem/1.5 ui-monospace, monospace; margin: 2.5rem 0 0 }
h2 a { color: inherit; text-decoration: none }
:target { outline: 2px solid; outline-offset: .8rem; border-radius: .2rem }
p { margin: .3rem 0 }
code, .status { font-family: ui-monospace, monospace; font-size: .9em }
"""
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Errors – Orbit Contacts API</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main>
<h1>Errors</h1>
<p>Every error has a stable <code>code</code>, a <code>message</code> for people, the HTTP <code>status</code>, and
<code>details</code> with <code>field</code>, <code>value</code> and <code>expected</code>. Quote
<code>meta.request_id</code> when you ask for help.</p>
{sections}
</main>
</body>
</html>
"""
# Both spellings of the code behind `#` lead here: links are in lower case, people write it as they see it.
_SECTION = """<section id="{anchor}"><span id="{name}"></span>
<h2><a href="#{anchor}">{name}</a></h2>
{meanings}
<p>{advice}</p>
</section>"""
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def html() -> str:
    sections = (
        _SECTION.format(
            anchor=code.name.lower(),
            name=code.name,
            meanings="\n".join(
                f'<p><span class="status">{status}</span> {_marked(meaning)}</p>' for status, meaning in code.meanings
            ),
            advice=_marked(code.advice),
        )
        for code in codes()
    )
    return _PAGE.format(style=_STYLE, sections="\n".join(sections))


def _marked(text: str) -> str:
    """Escaped, with `code` between backquotes."""
    parts = escape(text, quote=False).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))


def markdown() -> str:
    """The same as a page of the guide."""
    lines = [
        "# Errors",
        "",
        "Made from the code by `make openapi`; the server shows it at `/docs/errors`, where `docs_url` of an error",
        "leads.",
        "",
        "Every error has a stable `code`, a `message` for people, the HTTP `status`, and `details` with `field`,",
        "`value` and `expected`. Quote `meta.request_id` when you ask for help.",
    ]
    for code in codes():
        lines += ["", f"## {code.name}", ""]
        lines += [f"- {status}: {meaning}" for status, meaning in code.meanings]
        lines += ["", code.advice]
    return "\n".join(lines) + "\n"


async def page(request: Request) -> HTMLResponse:
    return HTMLResponse(html(), headers=_HEADERS)


routes: list[BaseRoute] = [Route("/docs/errors", page)]
