"""Scripts on other sites' pages may call what an access key opens: the API reads no cookie, they bring the authority.

What needs no key is left out: from a page in the Internet, a visitor's browser would reach a ttr that only his network
sees, make an account there and be handed its key. So is whatever takes an `Authorization` header.
"""

from quart import Blueprint, Response, current_app, request

from ttr.api.describe import described

ASKED = ("X-Auth-Key", "Content-Type", "If-None-Match")
"""The headers that calls have a use for, beside those that any page may send."""
SHOWN = ("ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "Content-Disposition", "X-Request-ID")
"""The headers of answers that scripts may read, beside those that they always may."""
KEPT_SECONDS = 600
"""How long a browser need not ask again before it calls."""


def install(blueprint: Blueprint) -> None:
    """Let browsers hand the answers to any page, errors too, and answer what they ask before they call."""

    @blueprint.after_request
    async def _allow(response: Response) -> Response:
        if not _takes_a_key():
            return response
        response.headers["Access-Control-Allow-Origin"] = "*"
        if request.method == "OPTIONS":
            response.status_code = 204
            response.headers.pop("Content-Type", None)
            response.headers["Access-Control-Allow-Methods"] = response.headers["Allow"]
            response.headers["Access-Control-Allow-Headers"] = ", ".join(ASKED)
            response.headers["Access-Control-Max-Age"] = str(KEPT_SECONDS)
        else:
            response.headers["Access-Control-Expose-Headers"] = ", ".join(SHOWN)
        return response


def _takes_a_key() -> bool:
    # One that the map does not know has failed in the browser's question already.
    if request.endpoint is None:
        return False
    said = described(current_app.view_functions[request.endpoint])
    return said is not None and not said.public
