"""The form of a hook's URL, judged when it is saved; shared by every kind that posts to an owner's URL."""

import ipaddress
import re
import unicodedata

from yarl import URL

from ttr.domain.text import within_blanks

URL_MAX = 2_048
_NAME_FORM = r"([a-z0-9_]([a-z0-9_-]{0,20}[a-z0-9_])?\.){0,5}[a-z]([a-z0-9_-]{0,20}[a-z0-9_])?"
_BYTE_FORM = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_HOST_FORM = rf"({_NAME_FORM}|({_BYTE_FORM}\.){{3}}{_BYTE_FORM}|\[::1\])"
_REST_FORM = r"(:[1-9][0-9]{0,3})?([/?][A-Za-z0-9!$%&'()*+,./:;=?@_~-]{0,1500})?"
FORM = {
    "type": "string",
    "format": "hook-url",
    "pattern": within_blanks(f"https?://{_HOST_FORM}{_REST_FORM}"),
    "examples": ["https://hooks.example.com/ttr"],
}
"""Its usual form as JSON Schema: `read_url` also takes what is less usual."""
_HOST_MAX = 253
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")


def read_url(text: str) -> str:
    """`text`, if it has the form of a URL that may be posted to. Raises ValueError with a sentence without it.

    Nothing is looked up: a private host may be one that the operator allows.
    """
    checked(text)
    return text


def checked(text: str) -> URL:
    """`text` as the URL that the HTTP client will make of it. Raises ValueError as `read_url` does."""
    if len(text) > URL_MAX:
        raise ValueError(f"The URL is longer than {URL_MAX:,} characters.")
    if any(c.isspace() or unicodedata.category(c)[0] == "C" for c in text):
        raise ValueError("The URL holds a space or a control character.")
    if "\\" in text:
        raise ValueError("The URL holds a backslash.")
    if not text.lower().startswith(("http://", "https://")):
        raise ValueError("The URL must begin with http:// or https://.")
    if "#" in text:
        raise ValueError("The URL must not have a fragment (the part from # on).")
    try:
        url = URL(text)
        port = url.port
    except ValueError:
        raise ValueError("This is not a valid URL.") from None
    # Looked for in the text: the parser forgets an empty user name.
    if "@" in re.split("[/?]", text.partition("://")[2], maxsplit=1)[0]:
        raise ValueError("The URL must not hold a user name or password; put a token into the path or query.")
    if not port:
        raise ValueError("The port must be 1 to 65535.")
    if not _is_host(url.raw_host or ""):
        raise ValueError("The URL's host must be a name or a plain IP address.")
    return url


def _is_host(host: str) -> bool:
    """Whether `host` is a name or a canonical address; 2130706433 and 0x7f.1 are neither."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        named = len(host) <= _HOST_MAX and all(_LABEL.fullmatch(part) for part in labels)
        return named and not _NUMERIC.fullmatch(labels[-1])
    return True
