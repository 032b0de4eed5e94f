"""What Schemathesis needs to know of the API: strings of our own formats, and keys that a call may use up.

It loads this file in a process of its own; TTR_FUZZ_BASE says where the server under test is.
"""

import os
import re
import urllib.request
from itertools import count
from json import dumps, loads
from typing import Any
from urllib.parse import urlencode, urlsplit

import schemathesis
from hypothesis import strategies as st

BASE = os.environ["TTR_FUZZ_BASE"]
ZONES = ["UTC", "Europe/Berlin", "america/new_york", "Asia/Kolkata", "Pacific/Chatham"]

_minute = st.integers(0, 59).map(str)
_hour = st.integers(0, 23).map(str)
_cron = st.one_of(
    st.builds("{} {} * * *".format, _minute, _hour),
    st.builds("*/{} * * * *".format, st.integers(1, 59)),
    st.builds("{} {} {} * 1-5".format, _minute, _hour, st.integers(1, 28)),
    st.sampled_from(["@daily", "0 0 1 JAN *", "* * * * SUN", "\t5  4 * * *\n"]),
)
_oncalendar = st.one_of(
    st.builds("*-*-* {}:{}:00".format, _hour, _minute),
    st.sampled_from(["daily", "Mon..Fri *-*-* 07:00:00", "*:0/15", "weekly\nSat 12:00"]),
)
_re2 = st.one_of(
    st.from_regex(re.compile(r"[a-z .^$]{0,30}", re.ASCII), fullmatch=True),
    st.sampled_from([r"done \d+", "(?i)ok|fine", r"^[^e]*$", r"a{1,20}"]),
)
# Where a test message may go: the server itself, which refuses it at once.
_hook = st.sampled_from([f"{BASE}/health", f" {BASE}/nowhere?token=1\n"])

_FILE = '{"checks": [{"name": "Filed", "schedule": "@daily", "schedule_type": "cron", "grace_seconds": 60}]}'

FORMATS: dict[str, st.SearchStrategy[str]] = {
    "cron": _cron,
    "oncalendar": _oncalendar,
    "schedule": _cron | _oncalendar,
    "time-zone": st.sampled_from(ZONES),
    "re2": _re2,
    "cursor": st.just(""),
    "hook-url": _hook,
    "account-file": st.sampled_from(['{"version": 1, "checks": []}', "[]", _FILE]),
    "network": st.sampled_from(["192.0.2.7", "10.0.0.0/8", " 2001:db8::/32 "]),
    "origin": st.sampled_from(
        ["https://app.example.com", "HTTP://localhost:3000", "https://[2001:db8::1]:8443"]
    ),
    "mail-address": st.sampled_from(["ops@example.org", "Ops.Night@Example.ORG "]),
}
for name, strategy in FORMATS.items():
    schemathesis.openapi.format(name, strategy)

# After these the key opens nothing any more.
_USES_UP = {"/api/v1/user/rotate-key", "/api/v1/user/keys/{key}/rotate", "/api/v1/user/delete"}


def call(method: str, path: str, body: Any = None, key: str = "") -> Any:
    """One request, which must work; its JSON."""
    data = None if body is None else dumps(body).encode()
    request = urllib.request.Request(BASE + path, data, {"X-Auth-Key": key}, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        text = answer.read()
    return loads(text) if text.startswith(b"{") else None


def new_key() -> str:
    """The key of an account that was made just now."""
    return str(call("POST", "/api/v1/keys")["auth_key"])


def new_token() -> str:
    """The access token of the admin that the server was given."""
    form = {"username": "ops", "password": os.environ["TTR_FUZZ_PASSWORD"]}
    with urllib.request.urlopen(f"{BASE}/api/v1/token", urlencode(form).encode(), timeout=20) as answer:
        return str(loads(answer.read())["access_token"])


_TOKEN = new_token()
# Something of each sort, for calls that would seldom guess its id.
_KEY = new_key()
_CHANNEL = call("POST", "/api/v1/channels", {"kind": "webhook", "webhook_url": f"{BASE}/health"}, _KEY)["id"]
_NEW = {"name": "Fuzzed", "interval_seconds": 3_600, "grace_seconds": 60}
# Many, for some calls delete what they can name.
_CHECKS = [call("POST", "/api/v1/checks", _NEW, _KEY) for _ in range(30)]
for _check in _CHECKS:
    call("POST", urlsplit(_check["ping_url"]).path + "/fail", {"output": "something went wrong"})
call("POST", f"/api/v1/channels/{_CHANNEL}/test-queue", key=_KEY)
_PAGES = [
    call("POST", "/api/v1/status-pages", {"name": "Fuzzed", "slug": slug, "check_ids": []}, _KEY)["id"]
    for slug in "01234"
]
# One that only reads, so that the one in use is the last full one, which is not revoked.
_SPARE = call("POST", "/api/v1/user/keys", {"name": "Spare", "scope": "read"}, _KEY)["id"]
_turns = count()


@schemathesis.hook
def map_path_parameters(context: Any, parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Put what there is into every other path, but for what would end it."""
    ends = context.operation.method.upper() == "DELETE"
    turn = next(_turns)
    if not parameters or ends or turn % 2:
        return parameters
    known = {
        "check": _CHECKS[turn // 2 % len(_CHECKS)]["uuid"],
        "channel": _CHANNEL,
        "key": _SPARE,
        "page": _PAGES[-1],
        "number": 1,
    }
    return {name: known.get(name, value) for name, value in parameters.items()}


@schemathesis.hook
def before_call(_: Any, case: Any, __: Any) -> None:
    """Let imports be imports: a dry run answers 200 and lists what it would refuse. A file's channels are told apart
    by their refs, and its secrets are sealed, which no schema can say.
    """
    if not case.path.endswith("/import"):
        return
    if case.query:
        case.query["dry_run"] = "false"
    if isinstance(case.body, dict) and "checks" in case.body:
        case.body |= {"channels": None, "secrets": None, "passphrase": None}


@schemathesis.auth(refresh_interval=None)
class Keys:
    """One account makes all calls but those that end its key, and one admin those for admins."""

    def get(self, case: Any, _: Any) -> str:
        """The key for a call, or the token."""
        if case.path.startswith("/api/v1/admin/"):
            return _TOKEN
        return new_key() if case.path in _USES_UP else _KEY

    def set(self, case: Any, key: str, _: Any) -> None:
        """Send it."""
        if key == _TOKEN:
            case.headers["Authorization"] = f"Bearer {key}"
        else:
            case.headers["X-Auth-Key"] = key
