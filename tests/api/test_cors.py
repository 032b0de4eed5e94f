"""What browsers are told of calls that scripts on other sites' pages make."""

import pytest
from quart import Quart

from tests.api.conftest import Caller, ask
from tests.api.world import make_world, operations
from ttr.api.cors import ASKED
from ttr.store.redis import Store

PAGE = "https://board.example"
ALLOW = "Access-Control-Allow-Origin"


def names(header: str) -> set[str]:
    return {name.strip() for name in header.split(",")}


async def test_the_question_before_a_call_is_answered(api: Caller) -> None:
    answer = await ask(
        api.client,
        "OPTIONS",
        "/api/v1/checks",
        b"",
        {
            "Origin": PAGE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "x-auth-key",
        },
    )
    assert answer.status_code == 204
    assert await answer.get_data(as_text=False) == b""
    assert answer.headers[ALLOW] == "*"
    assert names(answer.headers["Access-Control-Allow-Methods"]) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert names(answer.headers["Access-Control-Allow-Headers"]) == set(ASKED)
    assert answer.headers["Access-Control-Max-Age"] == "600"


async def test_pages_may_read_answers_and_refusals(api: Caller) -> None:
    listed = await api.raw("GET", "/checks", Origin=PAGE)
    again = await api.raw("GET", "/checks", Origin=PAGE, If_None_Match=listed.headers["ETag"])
    bad = await api.raw("POST", "/checks", b"{", Origin=PAGE)
    too_much = await api.raw("POST", "/checks", b" " * 1_000_001, Origin=PAGE)
    missing = await api.raw("GET", "/checks/999", Origin=PAGE)
    nobody = await api.raw("GET", "/checks", X_Auth_Key="A" * 32, Origin=PAGE)
    answers = (listed, again, bad, too_much, missing, nobody)
    assert [answer.status_code for answer in answers] == [200, 304, 400, 413, 404, 401]
    for answer in answers:
        assert answer.headers[ALLOW] == "*"
        assert {"ETag", "RateLimit", "RateLimit-Policy", "Retry-After"} < names(
            answer.headers["Access-Control-Expose-Headers"]
        )


async def test_only_what_a_key_opens_is_for_pages(app: Quart, store: Store) -> None:
    world = await make_world(app, store)
    kinds = set()
    for route, _ in operations(app):
        path = route.path
        for name in route.variables:
            path = path.replace(f"{{{name}}}", world.known[name])
        kinds.add(route.said.public)
        # The question itself does nothing, so all of them can be asked.
        answer = await ask(world.api.client, "OPTIONS", path, b"", {"Origin": PAGE})
        assert (answer.headers.get(ALLOW) == "*") is not route.said.public, path
        assert ("Access-Control-Allow-Headers" in answer.headers) is not route.said.public, path
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert kinds == {True, False}


async def test_no_page_gets_the_key_of_an_account_that_it_makes(api: Caller) -> None:
    answer = await api.raw("POST", "/keys", Origin=PAGE)
    assert answer.status_code == 201
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/v2/checks", "/dashboard", "/account", "/account/keys"]
)
async def test_nothing_else_is_for_pages(api: Caller, path: str) -> None:
    for method in ("OPTIONS", "GET"):
        answer = await ask(api.client, method, path, b"", {"Origin": PAGE, "X-Auth-Key": api.key})
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control-")]
