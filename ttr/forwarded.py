"""How a client asked a proxy in front of us that ends TLS: by `X-Forwarded-Proto`, from trusted proxies alone.

`X-Forwarded-Host` is read from nobody: most proxies pass on what a client sends there. They pass on `Host` as well, or
PUBLIC_URL says where we are.
"""

from collections.abc import Iterable, Sequence

from ttr.access_log import AsgiApp, Receive, Scope, Send
from ttr.address import Network, is_trusted

_SCHEMES = (b"http", b"https")


class Forwarded:
    """An ASGI app around another, whose requests have the scheme of the client."""

    def __init__(self, behind: AsgiApp, *, trusted_proxies: Sequence[Network]) -> None:
        self._behind = behind
        self._trusted = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._trusted and scope["type"] == "http":
            peer = (scope.get("client") or ("",))[0] or ""
            if scheme := told_scheme(peer, scope["headers"], self._trusted):
                scope = {**scope, "scheme": scheme}
        await self._behind(scope, receive, send)


def told_scheme(peer: str, headers: Iterable[tuple[bytes, bytes]], trusted: Sequence[Network]) -> str:
    """The scheme that a trusted proxy tells; "" for none. When words differ one may be a client's: none counts."""
    lines = [value for name, value in headers if name == b"x-forwarded-proto"]
    told = {word.strip().lower() for word in b",".join(lines).split(b",")}
    if len(told) != 1 or (one := told.pop()) not in _SCHEMES:
        return ""
    return one.decode() if is_trusted(peer, trusted) else ""
