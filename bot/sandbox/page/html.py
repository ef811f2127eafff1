"""Every page goes out the same way: as HTML that may load nothing from elsewhere and run nothing but our own script."""

from __future__ import annotations

from aiohttp import web

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def answer(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html", headers=HEADERS)
