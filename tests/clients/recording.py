"""A server that writes down what it was asked and how it answered."""

from typing import Any, NamedTuple

from orbit_contacts.core.replies import WHOLE_ANSWER
from tests.conftest import Server


class Exchange(NamedTuple):
    method: str
    target: str
    status: int
    headers: dict[str, str]
    """Of the request, names in lower case."""


class RecordingServer(Server):
    def __init__(self, dsn: str, **settings: Any) -> None:
        super().__init__(dsn, **settings)
        self.exchanges: list[Exchange] = []
        self._server.config.app = self

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            if message["type"] == "http.response.start":
                query = scope["query_string"].decode("latin-1")
                headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
                target = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
                self.exchanges.append(Exchange(scope["method"], target, message["status"], headers))
            await send(message)

        scope.pop(WHOLE_ANSWER, None)  # every answer is to be noted
        await self.application(scope, receive, note)
