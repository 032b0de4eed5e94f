"""Whether a browser says that another site sent a request."""

from urllib.parse import urlsplit

from quart import request

from ttr import current


def from_elsewhere() -> bool:
    """Whether the request comes from a page of another origin; clients that are no browsers say nothing of it.

    A neighbour on our own domain is another origin, though cookies of SameSite=Strict go along with what it sends.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site == "same-origin":
        # No page can write this, and the browser has compared what it shows: a proxy may have changed our Host, and
        # who hides where they were sends `Origin: null`.
        return False
    if site not in (None, "none"):
        return True
    # Browsers before 2023 don't say it, and none does over plain HTTP.
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    # The host alone: behind a proxy that ends TLS we don't know the browser's scheme.
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return True
    return host not in {request.host, urlsplit(current.settings().public_url or "").netloc} - {""}
