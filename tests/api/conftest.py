"""A caller of the API with a key of its own."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest
from quart import Response
from quart.typing import TestClientProtocol as Client

from ttr.store.users import User

NEW = {"name": "My Job", "schedule_type": "interval", "interval_seconds": 60, "grace_seconds": 30}


async def ask(client: Client, method: str, path: str, body: bytes, headers: dict[str, str]) -> Response:
    """One request of any method."""
    send = cast(Callable[..., Awaitable[Response]], client.open)
    return await send(path, method=method, data=body, headers=headers)


@dataclass(frozen=True)
class Caller:
    """Sends bytes or JSON below /api/v1 and returns status and JSON."""

    client: Client
    user: User
    key: str

    async def raw(self, method: str, path: str, body: bytes = b"", **headers: str) -> Response:
        sent = {"X-Auth-Key": self.key, "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await ask(self.client, method, f"/api/v1{path}", body, sent)
        return answer

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        answer = await self.raw(method, path, b"" if body is None else json.dumps(body).encode())
        data = await answer.get_data(as_text=False)
        return answer.status_code, json.loads(data) if data else None

    async def make(self, **fields: Any) -> Any:
        status, check = await self.call("POST", "/checks", NEW | fields)
        assert status == 201, check
        return check


@pytest.fixture
def api(client: Client, account: tuple[User, str]) -> Caller:
    return Caller(client, *account)


async def problem(answer: Response) -> dict[str, str]:
    """The errors of a refusal by field; asserts the one shape that refusals have."""
    assert answer.status_code >= 400
    assert answer.mimetype == "application/json"
    found = json.loads(await answer.get_data(as_text=False))
    assert found.keys() == {"detail", "errors"}
    assert isinstance(found["detail"], str)
    assert found["detail"]
    for error in found["errors"]:
        assert error.keys() == {"field", "message"}
        assert error["message"]
    return {error["field"]: error["message"] for error in found["errors"]}
