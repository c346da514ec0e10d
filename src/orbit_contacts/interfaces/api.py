"""The whole application: every feature's operations below the API prefixes, the documents and health beside them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import structlog
import yaml
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.requests import Request as WebRequest
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Route

from orbit_contacts import __version__
from orbit_contacts.core import envelope, openapi, pagination
from orbit_contacts.core.api import PREFIXES, Api, Scope
from orbit_contacts.core.database import UNREACHABLE, Database, connect
from orbit_contacts.core.errors import MethodNotAllowed, NotFound, Refusal
from orbit_contacts.core.operations import Operation
from orbit_contacts.core.rate_limit import RateLimit
from orbit_contacts.core.replies import Receive, Send, failed, send_reply
from orbit_contacts.core.settings import Settings
from orbit_contacts.core.telemetry import RequestLog
from orbit_contacts.features.blocking.routes import routes as blocking
from orbit_contacts.features.bulk_actions.routes import routes as bulk_actions
from orbit_contacts.features.consent.routes import routes as consent
from orbit_contacts.features.contacts.routes import routes as contacts
from orbit_contacts.features.custom_fields.routes import routes as custom_fields
from orbit_contacts.features.events.routes import routes as events
from orbit_contacts.features.events.routes import sdk_routes
from orbit_contacts.features.exports.routes import routes as exports
from orbit_contacts.features.imports.routes import allow as allow_imports
from orbit_contacts.features.imports.routes import routes as imports
from orbit_contacts.features.lists.routes import routes as lists
from orbit_contacts.features.merging.routes import routes as merging
from orbit_contacts.features.next_best_action.routes import routes as next_best_action
from orbit_contacts.features.notes.routes import routes as notes
from orbit_contacts.features.profile.routes import routes as profile
from orbit_contacts.features.segments.routes import routes as segments
from orbit_contacts.features.send_gate.routes import routes as send_gate
from orbit_contacts.features.tags.routes import routes as tags
from orbit_contacts.features.timeline import maintenance as timeline_maintenance
from orbit_contacts.features.timeline.routes import routes as timeline
from orbit_contacts.features.workspaces import service as workspaces
from orbit_contacts.features.workspaces.authentication import Authenticator
from orbit_contacts.features.workspaces.routes import routes as settings_routes
from orbit_contacts.interfaces.console.application import Console
from orbit_contacts.interfaces.docs_page import routes as docs_routes
from orbit_contacts.interfaces.downloads import routes as download_routes
from orbit_contacts.interfaces.errors_page import routes as errors_routes
from orbit_contacts.interfaces.health import health
from orbit_contacts.interfaces.open_cors import OpenCors
from orbit_contacts.interfaces.unsubscribe import routes as unsubscribe_routes

log = structlog.get_logger()

OPERATIONS: list[Operation] = [
    *contacts.operations,
    *blocking.operations,
    *bulk_actions.operations,
    *consent.operations,
    *custom_fields.operations,
    *exports.operations,
    *imports.operations,
    *lists.operations,
    *merging.operations,
    *next_best_action.operations,
    *notes.operations,
    *segments.operations,
    *send_gate.operations,
    *tags.operations,
    *profile.operations,
    *events.operations,
    *timeline.operations,
    *sdk_routes.operations,
    *settings_routes.operations,
]


def document() -> dict[str, Any]:
    """The OpenAPI document of this version."""
    return openapi.document(OPERATIONS, version=__version__)


class Application:
    """One ASGI callable: API paths go to the bound operations, all others to Starlette."""

    def __init__(self, settings: Settings, dsn: str) -> None:
        self.settings = settings
        self.database = Database(
            dsn,
            size=settings.pool_size,
            ad_hoc_size=settings.ad_hoc_pool_size,
            statement_timeout=settings.statement_timeout,
        )
        self.authenticator = Authenticator(
            self.database,
            jwt_secret=settings.jwt_secret,
            jwt_jwks=settings.jwt_jwks,
            trusted_proxies=settings.trusted_proxies,
        )
        pagination.default_limit = settings.default_page_size
        pagination.max_limit = settings.max_page_size
        allow_imports(settings.import_max_rows, settings.import_max_bytes)
        if settings.docs_url:
            envelope.docs_base = settings.docs_url.rstrip("/")
        elif settings.public_url:
            envelope.docs_base = settings.public_url.rstrip("/") + "/docs/errors"
        self.request_log = RequestLog() if settings.log_requests else None
        self.api = Api(
            OPERATIONS,
            self.database,
            self.authenticator,
            reads=RateLimit(settings.rate_limit_reads, enforced=settings.rate_limits),
            writes=RateLimit(settings.rate_limit_writes, enforced=settings.rate_limits),
            max_body=settings.max_body_bytes,
            request_log=self.request_log,
        )
        self._open_api = OpenCors(self.api)
        self._pages = Starlette(routes=self._page_routes(), lifespan=self._lifespan)
        self._pages.router.redirect_slashes = False
        self._pages.state.application = self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(_OPEN):
            await self._open_api(scope, receive, send)
        elif scope["type"] == "http" and _is_api(scope["path"]):
            await self.api(scope, receive, send)
        else:
            await self._pages(scope, receive, send)  # pyright: ignore[reportArgumentType]

    def _page_routes(self) -> list[BaseRoute]:
        json_document = msgspec.json.encode(document())
        yaml_document = yaml.safe_dump(msgspec.json.decode(json_document), sort_keys=False, allow_unicode=True).encode()

        async def openapi_json(request: WebRequest) -> Response:
            return Response(json_document, media_type="application/json")

        async def openapi_yaml(request: WebRequest) -> Response:
            return Response(yaml_document, media_type="application/yaml")

        async def show_health(request: WebRequest) -> Response:
            ready, state = await health(self.database)
            return Response(msgspec.json.encode(state), 200 if ready else 503, media_type="application/json")

        async def show_metrics(request: WebRequest) -> Response:
            return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})

        async def start(request: WebRequest) -> Response:
            return RedirectResponse("/docs")

        pages: list[BaseRoute] = [
            Route("/", start),
            Route("/health", show_health),
            Route("/metrics", show_metrics),
            Route("/openapi.json", openapi_json),
            Route("/openapi.yaml", openapi_yaml),
            *docs_routes,
            *errors_routes,
            *Console(self.settings, self.database, self.authenticator).routes(),
            *unsubscribe_routes(self.settings, self.database),
            *download_routes(self.database),
        ]
        return [*pages, Route("/{path:path}", _Nowhere(pages))]

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncGenerator[None]:
        await workspaces.prepare_installation(self.database)
        await timeline_maintenance.before_serving(self.database)
        listener = asyncio.create_task(self._listen_for_revocations())
        try:
            yield
        finally:
            listener.cancel()
            if self.request_log is not None:
                self.request_log.flush()
            await self.database.close()

    async def _listen_for_revocations(self) -> None:
        """Forget cached keys when one is revoked anywhere; while we cannot listen, none is cached."""
        while True:
            with contextlib.suppress(*UNREACHABLE, TimeoutError):
                connection = await connect(self.database.dsn)
                try:
                    await connection.add_listener("orbit_keys", self._revoked)
                    self.authenticator.forget()
                    while not connection.is_closed():
                        await asyncio.sleep(5)
                        await connection.fetchval("SELECT 1")
                finally:
                    connection.terminate()
            self.authenticator.forget()
            await asyncio.sleep(1)

    def _revoked(self, *notification: object) -> None:
        self.authenticator.forget()


class _Nowhere:
    """What no page answers, by any method: a refusal in the one shape."""

    def __init__(self, pages: list[BaseRoute]) -> None:
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        here = [page for page in self._pages if page.matches(scope)[0] is Match.PARTIAL]
        if here:
            allowed = sorted({name for page in here for name in getattr(page, "methods", None) or ()})
            refusal: Refusal = MethodNotAllowed(allowed=allowed, field="method", value=method, expected=allowed)
        else:
            refusal = NotFound("There is no such path.", field="path", value=path[:200], expected="see /docs")
        request_id = envelope.new_request_id()
        await send_reply(scope, send, failed(refusal, request_id, None), request_id, [])


_API = tuple(f"{prefix}/" for prefix in PREFIXES)
# What pages of any origin may call, under its own path and, as all operations, under both prefixes.
_OPEN = tuple(f"{prefix}/sdk/" for prefix in ("", *PREFIXES))


def _is_api(path: str) -> bool:
    return path.startswith(_API) or path in PREFIXES
