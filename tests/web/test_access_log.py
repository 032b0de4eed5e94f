"""The id and the time that every answer carries, and the lines of the access log: what they tell, and what never."""

import asyncio
import logging
import re
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from quart import Quart, Response

from tests.ping.conftest import hypercorn_door
from tests.told import told, written
from tests.web.conftest import Visitor
from ttr import logs, noted
from ttr.access_log import AccessLog, RequestLog
from ttr.address import parse_networks
from ttr.app import create_app
from ttr.noted import note_route
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.users import User
from ttr.web import dashboard

ID = re.compile(r"[0-9a-f]{16}")
HOSTILE = 'x"\r\nINFO ttr.access: 203.0.113.9 GET / 200\x1b[31m\u202e\x00\\'


@dataclass
class Lines:
    """What the access log has said."""

    caplog: pytest.LogCaptureFixture

    @property
    def told(self) -> list[dict[str, Any]]:
        return told(self.caplog.records, "ttr.access")

    @property
    def written(self) -> str:
        """In both forms."""
        records = [record for record in self.caplog.records if record.name == "ttr.access"]
        return "\n".join(written(records, as_json=False) + written(records, as_json=True))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Lines:
    caplog.set_level(logging.INFO, "ttr")
    return Lines(caplog)


async def ask(app: Quart, path: str, method: str = "GET", **headers: str) -> Response:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    client: Any = app.test_client()
    response: Response = await client.open(path, method=method, headers=sent)
    return response


async def _receive() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def test_every_answer_has_an_id_of_its_own_and_its_time(
    app: Quart, owner: Visitor, account: tuple[User, str]
) -> None:
    user, _ = account
    check = await owner.make_check(slug="job")
    asked: list[tuple[str, str, int]] = [
        ("GET", "/", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/", 405),
        ("POST", "/keys", 403),
        ("GET", "/dashboard", 303),
        ("GET", "/health", 503),
        ("GET", "/api/v1/checks", 401),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/api/v1/openapi.json", 200),
        ("GET", "/static/icons/favicon.svg", 200),
        ("GET", "/assets/x/icons/favicon.svg", 200),
        ("GET", "/assets/x/none.svg", 404),
        ("GET", f"/p/{user.user_slug}/job", 200),
        ("POST", f"/p/{user.user_slug}/job", 200),
        ("OPTIONS", f"/p/{user.user_slug}/job", 204),
        ("GET", f"/p/{user.user_slug}/none", 404),
        ("GET", "/ping/" + "a" * 8, 404),
        ("GET", f"/p/{user.public_slug}/badge.svg", 200),
        ("GET", f"/s/{user.public_slug}/none", 404),
        ("GET", "/s/none", 404),
        ("GET", "/events", 401),
        ("GET", "/acknowledge/none", 404),
    ]
    ids = []
    for method, path, status in asked:
        response = await ask(app, path, method)
        assert response.status_code == status, path
        (found,) = response.headers.getlist("X-Request-ID")
        assert ID.fullmatch(found), path
        assert re.fullmatch(r"\d+\.\d{6}", response.headers["X-Process-Time"])
        ids.append(found)
    assert len(set(ids)) == len(ids)
    assert (await owner.get(f"/checks/{check}")).headers["X-Request-ID"]


async def test_a_refusal_of_the_door_itself_is_numbered_as_well(settings: Settings, store: Store) -> None:
    async with hypercorn_door(settings.model_copy(update={"ping_body_max": 1_000})) as door:
        for answer, status in (
            (await door.ask("POST", "/p/acme/job", body=b"x" * 1_001), 413),
            (await door.ask("POST", "/ping/acme", body=b"x" * 1_001), 413),
            (await door.ask("GET", "http://ttr.test/p/acme/job"), 404),
            (
                await door.ask(
                    "POST", "/login", "Content-Type: application/x-www-form-urlencoded", body=b"x"
                ),
                403,
            ),
        ):
            assert answer.status == status
            assert ID.fullmatch(answer.header("x-request-id") or "")
            assert answer.header("x-process-time")
            assert "server" not in answer.names


async def test_an_id_is_kept_from_trusted_proxies_alone(settings: Settings, store: Store) -> None:
    for proxies in ("", "10.0.0.0/8", "127.0.0.1/32"):
        trusted = proxies.startswith("127.")
        behind = settings.model_copy(update={"trusted_proxies": parse_networks(proxies)})
        async with hypercorn_door(behind) as door:
            for given in ("a" * 8, "A-b_c" * 10, "z" * 64):
                kept = (await door.ask("GET", "/", f"X-Request-ID: {given}")).header("x-request-id")
                assert (kept == given) is trusted
                assert trusted or ID.fullmatch(kept or "")
            for given in ("a" * 7, "a" * 65, "a b c d e f", "a;b;c;d;e", "<script>", "\u00e9" * 8, ""):
                answer = await door.ask("GET", "/", f"X-Request-ID: {given}")
                assert ID.fullmatch(answer.header("x-request-id") or "")
            answer = await door.ask("GET", "/", f"X-Request-ID: {'a' * 8}", f"X-Request-ID: {'b' * 8}")
            assert ID.fullmatch(answer.header("x-request-id") or "")


async def test_a_line_tells_who_asked_for_what_and_how_it_went(
    app: Quart, owner: Visitor, account: tuple[User, str], lines: Lines
) -> None:
    _, key = account
    check = await owner.make_check(slug="job")
    lines.caplog.clear()
    response = await owner.client.get(f"/checks/{check}", headers={"User-Agent": "Firefox/1"})
    (line,) = lines.told
    request_id = response.headers["X-Request-ID"]
    assert line.pop("ms") > 0
    assert ID.fullmatch(request_id)
    assert (
        line.items()
        >= {
            "event": "request",
            "method": "GET",
            "route": "/checks/<int:check_id>",
            "status": 200,
            "by": "session",
            "last4": None,
            "agent": "Firefox/1",
            "request": request_id,
        }.items()
    )
    lines.caplog.clear()
    await ask(app, "/api/v1/checks/job", X_Auth_Key=key)
    await ask(app, "/api/v1/checks/job", X_Auth_Key="x" * 32)
    await ask(app, "/api/v1/checks/job")
    await ask(app, "/nothing/is/here")
    with_key, wrong, none, nowhere = lines.told
    assert (with_key["route"], with_key["status"]) == ("/api/v1/checks/<check:check>", 200)
    assert (with_key["by"], with_key["last4"]) == ("key", key[-4:])
    assert wrong["status"] == 401
    assert all((line["by"], line["last4"]) == ("none", None) for line in (wrong, none, nowhere))
    assert (nowhere["method"], nowhere["route"], nowhere["status"]) == ("GET", "-", 404)


async def test_no_line_holds_a_path_a_key_or_a_cookie(
    settings: Settings, store: Store, account: tuple[User, str], lines: Lines
) -> None:
    user, key = account
    app = create_app(settings.model_copy(update={"access_log": "all"}))
    async with app.test_app():
        owner = Visitor(app.test_client())
        await owner.post("/login", auth_key=key)
        session = next(c.value for c in owner.client.cookie_jar if c.name == "ttr_session")
        check = await owner.make_check(slug="s3cret-job")
        for path in (
            f"/p/{user.user_slug}/s3cret-job?create=1",
            f"/ping/{user.user_slug}/s3cret-job",
            "/acknowledge/t0ken",
            "/unsubscribe/t0ken",
            "/confirm/t0ken",
            "/dashboard?q=s3cret-job",
            f"/s/{user.public_slug}/s3cret-job",
            f"/account/names/former/{user.user_slug}/end",
        ):
            await owner.get(path)
        await ask(app, "/api/v1/checks/s3cret-job", X_Auth_Key=key)
    found = lines.written
    assert found.count("\n") >= 2 * 9
    assert ("/p/<ping>", 200) in [(line["route"], line["status"]) for line in lines.told]
    assert ("/ping/<ping>", 200) in [(line["route"], line["status"]) for line in lines.told]
    for secret in (user.user_slug, user.public_slug, "s3cret-job", "t0ken", key, session, f"checks/{check}"):
        assert secret not in found


@pytest.mark.parametrize(("told", "count"), [("pages", 3), ("all", 8), ("off", 0)])
async def test_the_setting_says_which_requests_get_a_line(
    settings: Settings, store: Store, account: tuple[User, str], lines: Lines, told: str, count: int
) -> None:
    user, _ = account
    app = create_app(settings.model_copy(update={"access_log": told}))
    async with app.test_app():
        for path in (
            *("/", "/api/v1/checks", f"/s/{user.public_slug}"),
            *(f"/p/{user.user_slug}/none", "/ping/none", f"/p/{user.public_slug}/badge.svg"),
            *("/assets/x/icons/favicon.svg", "/events"),
        ):
            response = await ask(app, path)
            assert response.headers["X-Request-ID"]
    assert len(lines.told) == count


async def test_a_hostile_agent_forges_no_line(lines: Lines) -> None:
    async def behind(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def send(message: dict[str, Any]) -> None:
        pass

    # No server lets a line break through in a header; we do not depend on that.
    headers = [(b"user-agent", HOSTILE.encode())]
    scope = {"type": "http", "method": "GET\nX", "path": "/", "client": None, "headers": headers}
    scope |= {"scheme": "http"}
    await AccessLog(behind, RequestLog(told="all", trusted_proxies=()))(scope, _receive, send)
    (line,) = lines.told
    assert (line["method"], line["agent"]) == ("GET?X", HOSTILE)
    assert len(lines.written.splitlines()) == 2  # one in either form
    assert all(line.isprintable() for line in lines.written.splitlines())


@pytest.mark.parametrize(("length", "shown"), [(199, 199), (200, 200), (201, 200), (60_000, 200)])
async def test_an_agent_is_cut(app: Quart, lines: Lines, length: int, shown: int) -> None:
    await ask(app, "/", User_Agent="a" * length)
    assert lines.told[0]["agent"] == "a" * shown


async def test_a_made_up_method_stays_in_its_place(settings: Settings, store: Store, lines: Lines) -> None:
    async with hypercorn_door(settings) as door:
        await door.ask("X" * 500, "/")
    assert lines.told[0]["method"] == "X" * 16


async def test_the_address_is_the_clients_only_by_a_trusted_proxy(
    settings: Settings, store: Store, lines: Lines
) -> None:
    async with hypercorn_door(settings) as door:
        await door.ask("GET", "/", "X-Forwarded-For: 203.0.113.9")
    behind = settings.model_copy(update={"trusted_proxies": parse_networks("127.0.0.1/32")})
    async with hypercorn_door(behind) as door:
        await door.ask("GET", "/", "X-Forwarded-For: 198.51.100.7, 203.0.113.9")
    assert [line["address"] for line in lines.told] == ["127.0.0.1", "203.0.113.9"]


async def test_what_breaks_is_logged_with_the_id_and_without_the_path(
    app: Quart, owner: Visitor, account: tuple[User, str], lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(dashboard, "list_checks", broken)
    stream = StringIO()
    output = logging.StreamHandler(stream)
    output.setFormatter(logs.formatter(as_json=False))
    logging.getLogger("ttr").addHandler(output)
    try:
        response = await owner.get("/dashboard?q=s3cret")
    finally:
        logging.getLogger("ttr").removeHandler(output)
    assert response.status_code == 500
    request_id = response.headers["X-Request-ID"]
    (failed,) = (line for line in stream.getvalue().splitlines() if " a page failed" in line)
    assert "/dashboard" in failed
    assert failed.endswith(f"request={request_id}")
    assert "s3cret" not in stream.getvalue()
    (line,) = (line for line in stream.getvalue().splitlines() if "[ttr.access]" in line)
    assert line.count(request_id) == 1


async def test_what_no_door_has_caught_is_a_500_in_our_words(lines: Lines) -> None:
    async def behind(scope: Any, receive: Any, send: Any) -> None:
        note_route("/somewhere")
        raise RuntimeError("boom")

    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    around = AccessLog(behind, RequestLog(told="all", trusted_proxies=()))
    scope = {"type": "http", "scheme": "http", "method": "GET", "path": "/s3cret", "headers": []}
    scope |= {"client": ("192.0.2.1", 1)}
    await around(scope, _receive, send)
    assert sent[0]["status"] == 500
    assert ID.fullmatch(dict(sent[0]["headers"])[b"x-request-id"].decode())
    assert b"boom" not in sent[1]["body"]
    (failed,) = told(lines.caplog.records, "ttr.access_log")
    assert (failed["event"], failed["method"], failed["route"]) == ("a request failed", "GET", "/somewhere")
    assert "RuntimeError: boom" in failed["exception"]
    assert "s3cret" not in lines.written


async def test_outside_of_a_request_nothing_is_noted() -> None:
    noted.note_route("/x")
    noted.note_means("key", "abcd")
    assert (noted.request_id(), noted.route()) == ("", "-")


async def test_requests_at_once_keep_their_notes_apart() -> None:
    async def one(number: int) -> tuple[str, str]:
        noted.begin(f"id-{number}")
        await asyncio.sleep(0)
        note_route(f"/{number}")
        await asyncio.sleep(0)
        return noted.request_id(), noted.route()

    found = await asyncio.gather(*(one(number) for number in range(10)))
    assert found == [(f"id-{number}", f"/{number}") for number in range(10)]
