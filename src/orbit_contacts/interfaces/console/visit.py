"""One request for a page: who asks, in which language, and the answers a page can give."""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from orbit_contacts.core import ids
from orbit_contacts.core.access import Caller
from orbit_contacts.core.database import Database, Reader, Transaction
from orbit_contacts.core.errors import NotFound
from orbit_contacts.interfaces.console import guard, static_files
from orbit_contacts.interfaces.console.sessions import Session
from orbit_contacts.interfaces.console.templating import render
from orbit_contacts.interfaces.console.wording import LANGUAGES, Wording, choose_language, region_of, zone_of

NOTICE = "orbit_notice"
THEMES = ("auto", "light", "dark")


class Notice(msgspec.Struct):
    """What is said once after a change; `action` is the address of a form that takes it back."""

    text: str
    is_error: bool = False
    action: str | None = None
    label: str | None = None


class Visit:
    """A request with its signed-in caller (None on the sign-in page only) and, on a POST, its form."""

    def __init__(
        self, database: Database, request: Request, session: Session | None, secure: bool, data_path: Path
    ) -> None:
        self.database = database
        self.data_path = data_path
        self.request = request
        self.session = session
        self.secure = secure
        self.form: FormData = FormData()
        self.base = str(request.scope.get("root_path", ""))
        accepted = request.headers.get("accept-language")
        language = choose_language(request.cookies.get("orbit_lang"), accepted)
        zone = zone_of(request.cookies.get("orbit_tz"))
        self.wording = Wording(language, zone, region_of(language, accepted))

    @property
    def caller(self) -> Caller:
        assert self.session is not None, "pages without a session have no caller"
        return self.session.caller

    def reader(self) -> AbstractAsyncContextManager[Reader]:
        return self.database.reader(self.caller)

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        return self.database.transaction(self.caller)

    def can(self, scope: str) -> bool:
        return self.session is not None and scope in self.caller.scopes

    def id(self, prefix: str, name: str = "id") -> UUID:
        """The id in the path; a malformed one is simply not found."""
        text = str(self.request.path_params[name])
        id = ids.parse(prefix, text)
        if id is None:
            raise NotFound(f"There is no `{text[:64]}`.", field=name, value=text[:100], expected=f"an id `{prefix}_…`")
        return id

    def field(self, name: str) -> str:
        """A text field of the form, trimmed; empty when absent."""
        value = self.form.get(name)
        return value.strip() if isinstance(value, str) else ""

    def fields(self, name: str) -> list[str]:
        return [value for value in self.form.getlist(name) if isinstance(value, str) and value]

    def t(self, english: str, /, **values: Any) -> str:
        return self.wording.text(english, **values)

    def page(
        self, template: str, /, status: int = 200, headers: dict[str, str] | None = None, **values: Any
    ) -> Response:
        """A whole page; htmx cuts out of it what it needs."""
        theme = self.request.cookies.get("orbit_theme")
        notice = _read_notice(self.request.cookies.get(NOTICE))
        csrf = ""
        if self.session is not None:
            csrf = guard.form_token(secret_of(self.database), self.session.token)
        html = render(
            template,
            base=self.base,
            docs=self.base.removesuffix("/console") + "/docs",
            path=self.request.url.path.removeprefix(self.base) or "/",
            caller=self.session.caller if self.session else None,
            can=self.can,
            csrf=csrf,
            t=self.wording.text,
            say=self.wording,
            lang=self.wording.language,
            dir=self.wording.direction,
            languages=LANGUAGES,
            theme=theme if theme in THEMES else "auto",
            notice=notice,
            style=static_files.STYLE.url(self.base),
            script=static_files.SCRIPT.url(self.base),
            icon=static_files.ICON.url(self.base),
            htmx=static_files.HTMX.url(self.base),
            **values,
        )
        response = HTMLResponse(html, status, {**guard.HEADERS, **(headers or {})})
        if notice is not None:
            response.delete_cookie(NOTICE, path=self.base or "/")
        return response

    def go(self, path: str, text: str | None = None, **notice: Any) -> Response:
        """To another page after a form (303); `text` is said there, once."""
        response = RedirectResponse(self.base + path, 303, guard.HEADERS)
        if text is not None:
            raw = urlsafe_b64encode(msgspec.json.encode(Notice(text[:500], **notice))).decode()
            self.set_cookie(response, NOTICE, raw, max_age=60)
        return response

    def set_cookie(self, response: Response, name: str, value: str, *, max_age: int) -> None:
        response.set_cookie(
            name, value, max_age=max_age, path=self.base or "/", secure=self.secure, httponly=True, samesite="lax"
        )


def _read_notice(raw: str | None) -> Notice | None:
    try:
        return msgspec.json.decode(urlsafe_b64decode(raw), type=Notice) if raw else None
    except (ValueError, msgspec.MsgspecError):
        return None


def secret_of(database: Database) -> bytes:
    """The installation's secret, derived for the tokens of forms."""
    return hashlib.blake2b(b"console forms", key=database.secret, digest_size=32).digest()


Handler: TypeAlias = Callable[[Visit], Awaitable[Response]]


MAX_FORM = 11 << 20  # a suppression file is 10 MB at most
MAX_TEXT = 1 << 20


class View(NamedTuple):
    """A page or a form's target; `scope` is what the caller must hold, `max_form` the bytes of the largest form."""

    method: str
    path: str
    scope: str | None
    handler: Handler
    max_form: int = MAX_FORM


class Views:
    """The pages of one file, declared where they are written."""

    def __init__(self) -> None:
        self.all: list[View] = []

    def get(self, path: str, scope: str | None) -> Callable[[Handler], Handler]:
        return self._add("GET", path, scope)

    def post(self, path: str, scope: str | None, max_form: int = MAX_FORM) -> Callable[[Handler], Handler]:
        return self._add("POST", path, scope, max_form)

    def _add(self, method: str, path: str, scope: str | None, max_form: int = 0) -> Callable[[Handler], Handler]:
        def keep(handler: Handler) -> Handler:
            self.all.append(View(method, path, scope, handler, max_form))
            return handler

        return keep
