"""What sent a ping, in plain words, as its user agent has it. Pure."""

import re

_KNOWN = (
    ("ttr dashboard", "this dashboard"),
    ("curl/", "curl"),
    ("wget", "wget"),
    ("python-requests/", "Python requests"),
    ("python-urllib/", "Python urllib"),
    ("python-httpx/", "Python httpx"),
    ("aiohttp/", "Python aiohttp"),
    ("powershell/", "PowerShell"),
    ("go-http-client/", "Go"),
    ("okhttp/", "Java OkHttp"),
    ("apache-httpclient/", "Java HttpClient"),
    ("java-http-client/", "Java HttpClient"),
    ("java/", "Java"),
    ("node-fetch/", "Node.js"),
    ("undici", "Node.js"),
    ("axios/", "Node.js axios"),
    ("guzzlehttp/", "PHP Guzzle"),
    ("reqwest/", "Rust reqwest"),
    ("ruby", "Ruby"),
    ("httpie/", "HTTPie"),
    # Browsers name each other: Edge says Chrome and Safari as well, Chrome says Safari.
    ("edg/", "Edge"),
    ("opr/", "Opera"),
    ("firefox/", "Firefox"),
    ("chrome/", "Chrome"),
    ("safari/", "Safari"),
    ("mozilla/", "a browser"),
)
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,23}(?=[/ ;(]|$)")


def client_hint(user_agent: str) -> str:
    """The client's name: "curl", "Python requests"; the first word of one we do not know; "unknown client"."""
    lowered = user_agent.lower()
    for part, name in _KNOWN:
        if part in lowered:
            return name
    product = _PRODUCT.match(user_agent)
    return product[0] if product else "unknown client"
