"""TLS to a Redis: how far its certificate is checked, as options of its URL, and words for what goes wrong.

redis-py takes the options out of the URL wherever one is opened: for commands, pings, subscriptions and the job queue.
"""

import ssl
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlencode

Verify = Literal["full", "ca", "none"]

_OPTIONS: dict[Verify, dict[str, str]] = {
    "full": {},
    "ca": {"ssl_check_hostname": "false"},
    "none": {"ssl_cert_reqs": "none"},
}
_TRUST = (
    "Name the file with the certificate of who signed it in REDIS_CA_FILE. Where there is none to be had, as on "
    "platforms that sign their own, set REDIS_TLS_VERIFY=none."
)
_NAME = "Use the name that the certificate has in the URL, or set REDIS_TLS_VERIFY=ca, which checks all but the name."
_EXPIRED = "Have it renewed, and compare the clocks of both machines."


def with_tls(url: str, verify: Verify, ca_file: Path | None) -> str:
    """A rediss:// URL that says how its certificate is checked. What it says already stays; other URLs stay as they
    are."""
    if not url.startswith("rediss://"):
        return url
    wanted = dict(_OPTIONS[verify])
    if ca_file and verify != "none":
        wanted["ssl_ca_certs"] = str(ca_file.absolute())
    said = parse_qs(url.partition("?")[2])
    missing = {name: value for name, value in wanted.items() if name not in said}
    return f"{url}{'&' if '?' in url else '?'}{urlencode(missing)}" if missing else url


def refuse_ca_file(path: Path) -> None:
    """Raise ValueError, with the end of a sentence, for a file that holds no certificates."""
    try:
        ssl.create_default_context(cafile=str(path))
    except ssl.SSLError:
        raise ValueError("holds no certificates in PEM, or none that can be read") from None
    except OSError as error:
        raise ValueError(f"can't be read ({error.strerror})") from None


def tls_fault(error: BaseException) -> str:
    """What is wrong when redis-py could not connect because of TLS, and what to do; "" for any other error."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"Redis's certificate is not trusted ({cause.verify_message}). {_todo(cause)}"
        if isinstance(cause, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(cause):
            return "This Redis does not speak TLS on this port, and its URL says rediss://. Without TLS it is redis://."
        cause = cause.__cause__ or cause.__context__
    return ""


def _todo(error: ssl.SSLCertVerificationError) -> str:
    words = error.verify_message.lower()
    if "mismatch" in words or "not valid for" in words:
        return _NAME
    return _EXPIRED if "expired" in words or "not yet valid" in words else _TRUST
