"""What browsers are told of our answers, a family of answers at a time; each door gives its own.

Every answer that names no family of its own gets DATA, and `no-store`: what is forgotten is closed.
"""

from collections.abc import Mapping
from types import MappingProxyType

from quart import Response

_DENIED = (
    "accelerometer camera display-capture geolocation gyroscope magnetometer microphone midi payment usb"
)
PERMISSIONS = ", ".join(f"{feature}=()" for feature in _DENIED.split())
"""Of what a page could ask a browser for, nothing is used; so nobody's script can ask either."""

PAGES: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        # What frame-ancestors says, for browsers and scanners that read only this.
        "X-Frame-Options": "DENY",
        # Ping URLs stand in no other site's log; forms of ours keep their Origin.
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": PERMISSIONS,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
)
"""Of people's own pages: they hold authority."""

WIDGET_PAGES: Mapping[str, str] = MappingProxyType(
    {
        **PAGES,
        "Content-Security-Policy": PAGES["Content-Security-Policy"].replace(
            "script-src 'self'",
            "script-src 'self' https://telegram.org; frame-src https://oauth.telegram.org",
        ),
        # The widget's frame opens a window of Telegram's and is told by it who somebody is.
        "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
    }
)
"""Of pages that offer a login by Telegram: its script may run there, and draw its button in a frame of its own."""

SIGNED_PAGES: Mapping[str, str] = MappingProxyType({**PAGES, "Referrer-Policy": "strict-origin"})
"""Of people's own pages whose address lets somebody in. With no referrer at all their forms would have no origin."""

PUBLIC_PAGES: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            "font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors *"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "Permissions-Policy": PERMISSIONS,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
)
"""Of public pages. They hold no authority and change nothing, so other sites may show them in a frame."""

PICTURES: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Access-Control-Allow-Origin": "*",
    }
)
"""Of badges, which stand in other sites' pages."""

FILES: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        # A status page in a sandboxed frame of another site has no origin that would be ours.
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
)
"""Of styles, scripts, fonts and icons."""

DATA: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
)
"""Of JSON, and of whatever has no family of its own."""

DOWNLOADS: Mapping[str, str] = MappingProxyType(
    {**DATA, "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox"}
)
"""Of bytes that strangers have sent: opened by whatever means, they can do nothing."""

TRANSPORT = (b"strict-transport-security", b"max-age=31536000")
"""Over TLS only. Without includeSubDomains and preload: other hosts of the domain are none of our business."""


def secure(response: Response, family: Mapping[str, str]) -> Response:
    """`response` with the headers of a family; those that it has already stay."""
    for name, value in family.items():
        response.headers.setdefault(name, value)
    return response
