"""The API's documentation at `/docs`: Scalar's page over our own `/openapi.json`.

Everything comes from this server. Scalar's fonts, telemetry, proxy, assistant and hosted tools are off
(`web/docs.js`), and the content security policy lets the browser ask nobody else even if one were not.
"""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Route

from orbit_contacts.interfaces.assets import Asset

SCALAR = Asset("vendor/scalar.js", "/docs/scalar.js")
START = Asset("docs.js", "/docs/start.js")

# Scalar builds its style sheets and style attributes in the browser, without a nonce.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Orbit Contacts API</title>
<link rel="icon" href="data:,">
</head>
<body>
<main id="reference"></main>
<noscript>This page needs JavaScript; <a href="{document}">openapi.json</a> does not.</noscript>
<script src="{scalar}"></script>
<script src="{start}" data-document="{document}"></script>
</body>
</html>
"""


async def page(request: Request) -> HTMLResponse:
    root = str(request.scope.get("root_path", ""))
    html = PAGE.format(
        document=escape(f"{root}/openapi.json"),
        scalar=escape(SCALAR.url(root)),
        start=escape(START.url(root)),
    )
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(html, headers=headers)


routes: list[BaseRoute] = [
    Route("/docs", page),
    Route(SCALAR.path, SCALAR.serve),
    Route(START.path, START.serve),
]
