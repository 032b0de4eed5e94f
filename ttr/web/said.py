"""A word that is to be read on the page that a form leads on to.

It travels in a cookie that static/js/said.js reads and takes away; without JavaScript the page itself is the answer.
"""

from urllib.parse import quote

from quart import Response

from ttr import current

_COOKIE = "ttr_said"
_SECONDS = 20
_MOST = 200


def saying(response: Response, text: str) -> Response:
    """`response`, and `text` for the page it leads to."""
    value, secure = quote(text[:_MOST]), current.is_secure()
    response.set_cookie(_COOKIE, value, max_age=_SECONDS, path="/", samesite="Lax", secure=secure)
    return response
