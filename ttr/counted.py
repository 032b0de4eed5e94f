"""A request in the metrics: its labels take few values, whatever clients send."""

from ttr.domain.metrics import REQUEST_SECONDS, REQUESTS
from ttr.meter import count, observe
from ttr.noted import NO_ROUTE, is_often

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request that took `seconds`; `status` is 0 when the client hung up before there was one."""
    word = method if method in _METHODS else "other"
    endpoint = "not_found" if route == NO_ROUTE else route
    count(REQUESTS, word, endpoint, str(status) if status else "gone")
    if not is_often(route):
        observe(REQUEST_SECONDS, seconds, word, endpoint)
