"""What an owner and his jobs do over HTTP: an account, its checks, and pings."""

import http.client
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


def until(what: Callable[[], T], within: float = 20, instead: Sequence[object] = ()) -> T:
    """Ask again and again until the answer is truthy, and return it.

    Fails after `within` seconds, and then tells the last thing that happened `instead`.
    """
    deadline = time.monotonic() + within
    while not (answer := what()):
        assert time.monotonic() < deadline, f"it did not happen within {within} s; last: {list(instead)[-1:]}"
        time.sleep(0.02)
    return answer


def call(
    port: int,
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    within: float = 10,
) -> tuple[int, bytes]:
    """One request on a connection of its own. Raises OSError or HTTPException when there is no answer `within` s."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=within)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def healthy(port: int, otherwise: list[object] | None = None) -> bool:
    """Whether /health says that all is well; what it said or what happened instead is added to `otherwise`."""
    try:
        status, said = call(port, "GET", "/health")
    except (OSError, http.client.HTTPException) as error:
        status, said = 0, repr(error).encode()
    if status != 200 and otherwise is not None:
        otherwise.append(said)
    return status == 200


@dataclass(frozen=True, slots=True)
class Account:
    """An account of the installation on `port`."""

    port: int
    auth_key: str
    user_slug: str

    def api(self, method: str, path: str, **fields: Any) -> dict[str, Any]:
        """A call that must succeed; the JSON it answered."""
        body = json.dumps(fields).encode() if fields else b""
        status, answer = call(self.port, method, f"/api/v1{path}", body, {"X-Auth-Key": self.auth_key})
        assert status in (200, 201), (status, answer)
        result: dict[str, Any] = json.loads(answer)
        return result

    def add(self, slug: str, webhook: str = "", **settings: Any) -> dict[str, Any]:
        """Make a check that expects a ping every second, with a second of grace, and give it a webhook."""
        made = self.api(
            "POST",
            "/checks",
            **{"name": slug, "slug": slug, "interval_seconds": 1, "grace_seconds": 1, **settings},
        )
        if webhook:
            self.api("PUT", f"/checks/{slug}/webhook", webhook_url=webhook, webhook_enabled=True)
        return made

    def show(self, slug: str) -> dict[str, Any]:
        """The check as the API shows it."""
        return self.api("GET", f"/checks/{slug}")

    def ping(self, slug: str, action: str = "", body: bytes = b"") -> None:
        """A ping that must be taken."""
        method = "POST" if body else "GET"
        status, answer = call(self.port, method, f"/p/{self.user_slug}/{slug}{action}", body)
        assert status == 200, (status, answer)


def sign_up(port: int) -> Account:
    """A new account."""
    status, answer = call(port, "POST", "/api/v1/keys")
    assert status == 201, (status, answer)
    made = json.loads(answer)
    return Account(port, made["auth_key"], made["user_slug"])
