"""The floor: a bare ASGI route that answers fixed bytes of the size of a contact, on the same uvicorn.

`python -m benchmarks.bare PORT`
"""

import sys
from typing import Any

import uvicorn

BODY = b'{"data":{"id":"con_01jd3w9k2e8a7v5n0q4r6t8y1z","padding":"' + b"x" * 640 + b'"}}'


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})


if __name__ == "__main__":
    uvicorn.run(
        application,
        port=int(sys.argv[1]),
        log_level="error",
        access_log=False,
        loop="uvloop",
        http="httptools",
        lifespan="off",
    )
