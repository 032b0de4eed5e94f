"""Sessions that are chosen, planted, stolen, or that outlive what opened them."""

import asyncio
import re

import pytest
from quart import Quart, Response
from werkzeug.datastructures import Headers

from tests.api.conftest import ask
from tests.attacks.conftest import Tried
from tests.attacks.routes import is_api, path_of, rules
from tests.attacks.test_csrf import token_of
from tests.attacks.world import Account, cookie_of
from tests.web.conftest import Visitor, text
from ttr.app import create_app
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.sessions import SESSIONS_MAX

CHOSEN = (
    *(
        "x" * 32,
        "A" * 24,
        "0",
        "",
        "1",
        "admin",
        "null",
        "undefined",
        "../../etc/passwd",
        "*",
        "ttr:session:*",
    ),
    *("%00", "%0d%0a", "a b", "'", '"', "\\", "{}", "[]", "\u00e9" * 32, "x" * 4_000, "-" * 32, "_" * 32),
)


async def test_a_chosen_session_never_becomes_a_real_one(
    app: Quart, store: Store, stranger: Account, tried: Tried
) -> None:
    for chosen in CHOSEN:
        somebody = Visitor(app.test_client())
        somebody.client.set_cookie("localhost", "ttr_session", chosen)
        answer = await somebody.post("/login", auth_key=stranger.api.key)
        assert answer.status_code == 303
        given = _given(answer)
        assert given
        assert given != chosen
        assert await _opens(app, given)
        assert not await _opens(app, chosen)
    tried(len(CHOSEN))


async def test_the_session_before_a_login_ends_with_it(
    app: Quart, stranger: Account, victim: Account, tried: Tried
) -> None:
    # Somebody plants his own session in a browser; whoever logs in there must not share it.
    planted = cookie_of(stranger)
    browser = Visitor(app.test_client())
    browser.client.set_cookie("localhost", "ttr_session", planted)
    given = _given(await browser.post("/login", auth_key=victim.api.key))
    assert not await _opens(app, planted)
    assert victim.names["check_slug"] in await _page_of(app, given, f"/checks/{victim.names['check']}")
    again = _given(await browser.post("/login", auth_key=victim.api.key))
    assert again != given
    assert not await _opens(app, given)
    made = await browser.post("/keys")
    assert not await _opens(app, again)
    assert await _opens(app, _given(made))
    tried(3)


@pytest.mark.parametrize("way", ["logout", "rotation", "deletion"])
async def test_a_stolen_session_ends_with_what_opened_it(
    app: Quart, store: Store, stranger: Account, way: str, tried: Tried
) -> None:
    stolen, token = cookie_of(stranger), await token_of(stranger.visitor)
    assert await _opens(app, stolen)
    match way:
        case "logout":
            await stranger.visitor.post("/logout")
        case "rotation":
            assert (await stranger.api.call("POST", "/user/rotate-key", {"confirm": "ROTATE"}))[0] == 200
        case _:
            status, said = await stranger.api.call("POST", "/user/delete", {"confirm": "DELETE"})
            assert status in (200, 204), said
    number = 0
    thief = app.test_client()
    thief.set_cookie("localhost", "ttr_session", stolen)
    thief.set_cookie("localhost", "csrf_token", token)
    for rule in rules(app, "GET"):
        if is_api(rule):
            continue
        answer = await ask(thief, "GET", path_of(rule, stranger.names), b"", {})
        seen = str(answer.headers) + (await answer.get_data()).decode("utf-8", "replace")
        assert stranger.names["check_slug"] not in seen, rule.rule
        assert "Log out" not in seen, rule.rule
        assert stolen not in seen, rule.rule
        number += 1
    refused = await thief.post("/checks", form={"csrf_token": token, "name": "Stolen"})
    assert (refused.status_code, refused.headers.get("Location")) in ((303, "/"), (403, None))
    tried(number + 1)


async def test_a_session_is_read_from_its_cookie_alone(app: Quart, stranger: Account, tried: Tried) -> None:
    stolen, number = cookie_of(stranger), 0
    ways = (
        *(f"?ttr_session={stolen}", f"?session={stolen}", f";ttr_session={stolen}", f"?sid={stolen}"),
        f"#ttr_session={stolen}",
    )
    for path in ("/dashboard", "/account", "/checks/1"):
        for way in ways:
            answer = await app.test_client().get(path + way)
            assert answer.status_code in (303, 404), way
            number += 1
        for headers in (
            {"X-Session": stolen, "X-TTR-Session": stolen, "ttr_session": stolen, "Session": stolen},
            {"Authorization": f"Bearer {stolen}"},
            {"X-Auth-Key": stranger.api.key},
            {"Authorization": f"Bearer {stranger.api.key}"},
            {"Cookie": f"TTR_SESSION={stolen}"},
            {"Cookie": f"session={stolen}"},
            {"Cookie": f"x=ttr_session={stolen}"},
            {"Cookie": f'x="; ttr_session={stolen}; y="'},
            {"Cookie2": f"ttr_session={stolen}"},
            {"Set-Cookie": f"ttr_session={stolen}"},
            {"Cookie": f"ttr_session={stranger.api.key}"},
            {"Cookie": f"ttr_session={stolen[::-1]}"},
            {"Cookie": f"ttr_session={stolen.swapcase()}"},
            {"Cookie": f"ttr_session={stolen[:-1]}"},
            {"Cookie": f"ttr_session={stolen}x"},
            {"Cookie": f"ttr_session={stolen}\t"},
            {"Cookie": f"ttr_session=%20{stolen}"},
            {"Cookie": f"ttr_session={stolen},x"},
        ):
            answer = await app.test_client().get(path, headers=headers)
            if headers.get("Cookie") in (f'x="; ttr_session={stolen}; y="', f"ttr_session={stolen}\t"):
                continue  # that is the cookie, however oddly it comes
            assert answer.status_code == 303, headers
            number += 1
    tried(number)


async def test_of_two_cookies_of_a_name_no_token_fits_both(
    app: Quart, victim: Account, stranger: Account, tried: Tried
) -> None:
    # A neighbouring host plants cookies that come along with the real ones.
    ours, theirs = cookie_of(victim), cookie_of(stranger)
    our_token, their_token = await token_of(victim.visitor), await token_of(stranger.visitor)
    number = 0
    for sessions in ((ours, theirs), (theirs, ours)):
        for tokens in ((our_token, their_token), (their_token, our_token)):
            cookies = "; ".join(
                [f"ttr_session={one}" for one in sessions] + [f"csrf_token={one}" for one in tokens]
            )
            for sent in (our_token, their_token):
                client = app.test_client(use_cookies=False)
                # With the planted token, at most something is done as the one who planted it: to him that check is
                # nobody's.
                do = "resume" if sent == our_token else "pause"
                answer = await client.post(
                    "/checks/bulk",
                    form={"csrf_token": sent, "do": do, "check": victim.names["check"]},
                    headers={"Cookie": cookies},
                )
                check = (await victim.api.call("GET", f"/checks/{victim.names['check']}"))[1]
                assert check["status"] != "paused", (sessions, tokens, answer.status_code)
                number += 1
    tried(number)


async def test_cookies_say_who_may_have_them(
    app: Quart, settings: Settings, stranger: Account, tried: Tried
) -> None:
    number = 0
    production = create_app(settings.model_copy(update={"ttr_env": "production"}))
    public = create_app(settings.model_copy(update={"public_url": "https://ttr.example"}))
    async with production.test_app(), public.test_app():
        for one, scheme, secure in (
            (app, "http", False),
            (app, "https", True),
            (production, "http", True),
            (public, "http", True),
        ):
            client = one.test_client()
            page = await text(await client.get("/", scheme=scheme))
            found = re.search(r'name="csrf_token" value="([^"]+)"', page)
            assert found
            sent = [(cookie.name, cookie.value) for cookie in client.cookie_jar]
            plain = "; ".join(f"{name}={value}" for name, value in sent)
            form = {"csrf_token": found[1], "auth_key": stranger.api.key, "theme": "retro"}
            for path in ("/login", "/keys", "/appearance"):
                answer = await one.test_client(use_cookies=False).post(
                    path, form=form, headers={"Cookie": plain}, scheme=scheme
                )
                cookies = answer.headers.getlist("Set-Cookie")
                assert cookies, path
                for cookie in cookies:
                    flags = {part.strip().lower() for part in cookie.split(";")[1:]}
                    assert {"httponly", "samesite=lax", "path=/"} <= flags, cookie
                    assert ("secure" in flags) == secure, cookie
                    assert not any(flag.startswith("domain") for flag in flags), cookie
                    assert stranger.api.key not in cookie
                    number += 1
    tried(number)


async def test_words_for_the_next_page_leave_over_tls_alone_in_production(
    settings: Settings, stranger: Account, tried: Tried
) -> None:
    # They name a check; only the proxy in front speaks TLS, so that the request itself does not look like it.
    production = create_app(settings.model_copy(update={"ttr_env": "production"}))
    async with production.test_app():
        cookies = f"ttr_session={cookie_of(stranger)}; csrf_token={await token_of(stranger.visitor)}"
        answer = await production.test_client(use_cookies=False).post(
            "/checks/bulk",
            form={"csrf_token": stranger.visitor.token, "do": "pause", "check": stranger.names["check"]},
            headers={"Cookie": cookies},
        )
        said = [one for one in answer.headers.getlist("Set-Cookie") if one.startswith("ttr_said=")]
        assert [("Secure" in one, "SameSite=Lax" in one) for one in said] == [(True, True)]
    tried(1)


async def test_nobody_who_reads_the_database_has_a_session_or_a_key(
    store: Store, victim: Account, tried: Tried
) -> None:
    wanted = {cookie_of(victim).encode(), victim.api.key.encode()}
    async for name in store.redis.scan_iter(match="*"):
        kept = await store.redis.dump(name)
        for secret in wanted:
            assert secret not in name
            assert secret not in (kept or b"")
    tried(len(wanted))


async def test_many_logins_at_once_leave_only_as_many_sessions_as_may_be(
    app: Quart, store: Store, stranger: Account, tried: Tried
) -> None:
    browsers = [Visitor(app.test_client()) for _ in range(SESSIONS_MAX + 8)]
    for browser in browsers:
        await browser.post("/appearance")
    answers = await asyncio.gather(*(b.post("/login", auth_key=stranger.api.key) for b in browsers))
    ids = [_given(answer) for answer in answers]
    assert len(set(ids)) == len(ids)
    living = [one for one in ids if await _opens(app, one)]
    assert len(living) == SESSIONS_MAX
    tried(len(ids))


async def test_a_logout_meets_other_requests_of_the_session(
    app: Quart, stranger: Account, tried: Tried
) -> None:
    session, token = cookie_of(stranger), await token_of(stranger.visitor)
    headers = Headers({"Cookie": f"ttr_session={session}; csrf_token={token}"})

    async def page() -> Response:
        return await app.test_client(use_cookies=False).get("/dashboard", headers=headers)

    async def logout() -> Response:
        client = app.test_client(use_cookies=False)
        return await client.post("/logout", form={"csrf_token": token}, headers=headers)

    answers = await asyncio.gather(*(page() for _ in range(10)), logout(), *(page() for _ in range(10)))
    # An answer under way may still set the cookie again; what it sets is worth nothing.
    for answer in answers:
        for cookie in answer.headers.getlist("Set-Cookie"):
            assert "ttr_session=;" in cookie or session in cookie or "ttr_session" not in cookie
    assert not await _opens(app, session)
    tried(len(answers))


def _given(answer: Response) -> str:
    """The session that an answer starts; "" for none."""
    for cookie in answer.headers.getlist("Set-Cookie"):
        if cookie.startswith("ttr_session="):
            return str(cookie.partition("=")[2].partition(";")[0])
    return ""


async def _opens(app: Quart, session: str) -> bool:
    """Whether the session is somebody's."""
    client = app.test_client(use_cookies=False)
    cookie = f"ttr_session={session}".encode().decode("latin-1")
    return (await client.get("/account/badge", headers={"Cookie": cookie})).status_code == 200


async def _page_of(app: Quart, session: str, path: str) -> str:
    client = app.test_client(use_cookies=False)
    return await text(await client.get(path, headers={"Cookie": f"ttr_session={session}"}))
