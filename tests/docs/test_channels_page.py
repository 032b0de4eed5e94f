"""The receiver of docs/channels.md, which people copy, takes what we sign and nothing else."""

import ast
import base64
import hmac
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ttr.channels.signing import new_signing_secret, signatures

PAGE = (Path(__file__).parents[2] / "docs/channels.md").read_text()
BODY = b'{"events": []}'


@pytest.fixture(scope="module")
def genuine() -> Callable[..., bool]:
    """The page's function, as it stands there."""
    program = PAGE.partition("cat > receive.py <<'END'\n")[2].partition("\nEND\n")[0]
    function = next(node for node in ast.parse(program).body if isinstance(node, ast.FunctionDef))
    names: dict[str, Any] = {"base64": base64, "hmac": hmac, "time": time}
    exec(compile(ast.unparse(function), "receive.py", "exec"), names)
    genuine: Callable[..., bool] = names["genuine"]
    return genuine


def headers(secrets: str, age: int = 0, body: bytes = BODY) -> dict[str, Any]:
    timestamp = int(time.time()) - age
    return {
        "webhook-id": "d7-c9",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures(secrets, "d7-c9", timestamp, body),
    }


def test_it_takes_what_we_sign_also_while_the_secret_changes(genuine: Callable[..., bool]) -> None:
    new, old = new_signing_secret(), new_signing_secret()
    given = headers(f"{new} {old}")

    assert genuine(new, given, BODY)
    assert genuine(old, given, BODY)


def test_it_refuses_everything_else(genuine: Callable[..., bool]) -> None:
    secret = new_signing_secret()
    good = headers(secret)

    assert not genuine(new_signing_secret(), good, BODY)
    assert not genuine(secret, good, BODY + b" ")
    assert not genuine(secret, {**good, "webhook-id": "d7-c8"}, BODY)
    assert not genuine(secret, headers(secret, age=600), BODY)
    assert not genuine(secret, {**good, "webhook-signature": None}, BODY)
