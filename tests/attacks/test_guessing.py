"""Guesses at everything that is secret: after so many they are refused, and until then they tell nothing."""

from urllib.parse import unquote

import pytest
from quart import Quart, Response
from quart.typing import TestClientProtocol as Client
from werkzeug.datastructures import Headers

from tests.api.conftest import ask
from tests.attacks.conftest import Tried
from tests.attacks.test_csrf import token_of
from tests.attacks.test_headers import INVENTED, PEER, sent_from
from tests.attacks.test_idor import PASSING
from tests.attacks.world import Account, cookie_of
from tests.telegram import SET_UP
from tests.web.conftest import Visitor, text
from ttr.app import create_app
from ttr.domain.allowance import parse_limits
from ttr.settings import Settings
from ttr.store.redis import Store
from ttr.store.users import User

FEW = 5
# What opens nothing: unknown, malformed, another's in part, and what a store might take for a pattern.
WRONG = (
    *(
        "A" * 32,
        "A" * 31,
        "A" * 33,
        "",
        " ",
        "0",
        "*",
        "?" * 32,
        "[a-z]" * 6,
        "ttr:access-key:*",
        "x" * 8_000,
    ),
    *("\u00e9" * 32, "\t" + "A" * 31, "A" * 31 + "%", "null", "{}", "' OR 1=1 --", "../" * 10, "%00" * 10),
)


def limited(settings: Settings, zone: str) -> Quart:
    """The app with few uses in one zone of limits and no other limit."""
    return create_app(settings.model_copy(update={"rate_limits": parse_limits(f"{zone}={FEW}/3600")}))


async def said(answer: Response) -> tuple[int, str, list[str]]:
    """All that an answer could tell by."""
    names = sorted(name for name, _ in answer.headers if name.lower() not in ("content-length", "set-cookie"))
    return answer.status_code, PASSING.sub("", await text(answer)), names


async def test_wrong_keys_of_the_api_all_look_alike(app: Quart, stranger: Account, tried: Tried) -> None:
    key = stranger.api.key
    guesses = [guess for guess in WRONG if guess.strip()] + [key[:-1], key[::-1], key.swapcase(), key + "A"]
    answers = set()
    for guess in guesses:
        sent = {"X-Auth-Key": guess.encode().decode("latin-1")}
        status, words, names = await said(await ask(app.test_client(), "GET", "/api/v1/user/me", b"", sent))
        answers.add((status, words, *names))
    assert len(answers) == 1, answers
    assert next(iter(answers))[0] == 401
    tried(len(guesses))


async def test_wrong_keys_at_the_door_all_look_alike(app: Quart, stranger: Account, tried: Tried) -> None:
    key, answers = stranger.api.key, set()
    guesses = [guess for guess in WRONG if guess.strip()] + [key[:-1], key[::-1], key.swapcase(), key + "A"]
    somebody = Visitor(app.test_client())
    for guess in guesses:
        answer = await somebody.post("/login", auth_key=guess)
        status, words, _ = await said(answer)
        assert "ttr_session=" not in str(answer.headers)
        assert guess not in words or len(guess) < 3, guess
        answers.add((status, words))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 422
    tried(len(guesses))


@pytest.mark.parametrize(
    ("zone", "method", "path", "headers"),
    [
        ("api-address", "GET", "/api/v1/user/me", {"X-Auth-Key": "{:032}"}),
        ("api-address", "GET", "/api/v1/user/me", {}),
        ("api-address", "DELETE", "/api/v1/checks/{}", {"X-Auth-Key": "{:032}"}),
        ("api-address", "POST", "/api/v1/user/delete", {"X-Auth-Key": "{:032}"}),
        ("api-key", "GET", "/api/v1/checks/{}", {"X-Auth-Key": "KEY"}),
        ("api-key", "GET", "/api/v1/deliveries/{}", {"X-Auth-Key": "KEY"}),
        ("account", "POST", "/api/v1/user/slug", {"X-Auth-Key": "KEY"}),
        ("new-account", "POST", "/api/v1/keys", {}),
        ("metrics", "GET", "/metrics", {"Authorization": "Bearer {:032}"}),
        ("ping-unknown", "GET", "/p/nobody-{}/job", {}),
        ("ping-unknown", "GET", "/ping/0123abcd-0123-4567-89ab-{:012}", {}),
        ("ping-unknown", "GET", "/p/SLUG/job-{}", {}),
        ("public-address", "GET", "/s/nobody-{}", {}),
        ("public-address", "GET", "/s/PUBLIC/page-{}", {}),
        ("public-address", "GET", "/p/nobody-{}/badge.svg", {}),
        ("public-address", "GET", "/p/SLUG/job-{}/badge.svg", {}),
        ("public-address", "GET", "/s/PUBLIC/page-{}/badge.json", {}),
        ("public-address", "GET", "/api/v1/metrics/summary", {"Authorization": "Bearer {}"}),
    ],
)
async def test_after_so_many_guesses_there_are_no_more(
    settings: Settings,
    account: tuple[User, str],
    monkeypatch: pytest.MonkeyPatch,
    zone: str,
    method: str,
    path: str,
    headers: dict[str, str],
    tried: Tried,
) -> None:
    monkeypatch.setattr("ttr.web.public.HOLD_SECONDS", 0)
    user, key = account
    path = path.replace("SLUG", user.user_slug).replace("PUBLIC", user.public_slug)
    app = limited(settings, zone)
    async with app.test_app():
        got = []
        for turn in range(FEW + 2):
            sent = {name: value.format(turn).replace("KEY", key) for name, value in headers.items()}
            # Each guess by a client of its own: the limit is not in a cookie.
            answer = await sent_from(app.test_client(), PEER, path.format(turn), Headers(sent), method)
            got.append(answer.status_code)
        assert got[FEW:] == [429, 429], got
        assert 429 not in got[:FEW], got
        assert int(answer.headers["Retry-After"]) > 0
    tried(FEW + 2)


@pytest.mark.parametrize(
    ("zone", "path", "form", "peer", "wrong"),
    [
        ("login", "/login", {"auth_key": "{:032}"}, PEER, 422),
        ("telegram", "/telegram/login", {"state": "x", "id": "{}", "hash": "0" * 64}, PEER, 403),
        ("telegram", "/telegram/open", {"token": "{:032}"}, PEER, 403),
        # Many names from one address, and one name from many.
        ("admin-login", "/admin/login", {"username": "ops{}", "password": "a guess"}, PEER, 422),
        ("admin-login", "/admin/login", {"username": "ops", "password": "guess {}"}, "203.0.113.{}", 422),
    ],
)
async def test_after_so_many_forms_there_are_no_more(
    settings: Settings,
    store: Store,
    zone: str,
    path: str,
    form: dict[str, str],
    peer: str,
    wrong: int,
    tried: Tried,
) -> None:
    app = limited(settings.model_copy(update=SET_UP), zone)
    async with app.test_app():
        token = await token_of(Visitor(client := app.test_client()))

        async def guess(turn: int, peer: str = peer) -> Response:
            sent = {name: value.format(turn) for name, value in form.items()} | {"csrf_token": token}
            scope = {"client": (peer.format(turn), 4_711)}
            return await client.post(path, form=sent, scope_base=scope)

        got = [(await guess(turn)).status_code for turn in range(FEW)]
        assert got == [wrong] * FEW
        for turn in (FEW, FEW + 1):
            answer = await guess(turn)
            assert answer.status_code == 429
            assert int(answer.headers["Retry-After"]) > 0
        if peer == PEER:
            # Who guesses keeps nobody else out.
            assert (await guess(FEW + 2, INVENTED)).status_code == wrong
    tried(FEW + 3)


async def test_a_right_key_among_wrong_ones_is_not_told_by_the_limit(
    settings: Settings, stranger: Account, tried: Tried
) -> None:
    app = limited(settings, "api-address")
    async with app.test_app():
        for turn in range(FEW):
            sent = {"X-Auth-Key": f"{turn:032}"}
            assert (await ask(app.test_client(), "GET", "/api/v1/user/me", b"", sent)).status_code == 401
        # From there not even the right one is told from a wrong one, by those who go on guessing.
        for key in (f"{FEW:032}", "short", ""):
            sent = {"X-Auth-Key": key}
            assert (await ask(app.test_client(), "GET", "/api/v1/user/me", b"", sent)).status_code == 429
    tried(FEW + 3)


async def test_what_is_not_shown_looks_like_what_is_not_there(
    app: Quart, victim: Account, tried: Tried
) -> None:
    names, number = victim.names, 0
    slug, public = names["user_slug"], names["public_slug"]
    alike = (
        ("/s/nobody/{}", "/s/nobody-else/{}", f"/s/{public}/{{}}"),
        ("/s/nobody", "/s/nobody-else", f"/s/{names['check_slug']}"),
        ("/s/nobody/nowhere/data", f"/s/{public}/nowhere/data", f"/s/{public}/not-there/data"),
        ("/s/nobody/x/summary.txt", f"/s/{public}/nowhere/summary.txt", f"/s/{public}/x/summary.txt"),
        ("/s/nobody/x/badge.svg", f"/s/{public}/nowhere/badge.svg", f"/s/{public}/x/badge.svg"),
        ("/s/nobody/nowhere", f"/s/{public}/nowhere", f"/s/{public}/not-there"),
        ("/p/nobody/job/badge.svg", f"/p/{slug}/not-there/badge.svg", f"/p/{public}/x/badge.svg"),
        ("/p/nobody/badge.svg", "/p/nobody-else/badge.svg"),
        ("/p/nobody/job", f"/p/{slug}/not-there", f"/p/{public}/{names['check_slug']}"),
        (
            "/ping/0123abcd-0123-4567-89ab-0123456789ab",
            "/ping/ffffffff-ffff-4fff-bfff-ffffffffffff",
            f"/p/nobody/{names['check_uuid'][:-4]}0000",
        ),
    )
    for paths in alike:
        answers = []
        for path in paths:
            path = path.format("x")
            status, words, headers = await said(await app.test_client().get(path))
            for part in path.split("/"):
                words = words.replace(part, "") if len(part) > 3 else words
            answers.append((status, words, headers))
            number += 1
        assert all(answer == answers[0] for answer in answers), paths
        assert answers[0][0] == 404, paths
    tried(number)


async def test_made_up_sessions_and_tokens_all_look_alike(
    app: Quart, store: Store, stranger: Account, tried: Tried
) -> None:
    real, answers, number = cookie_of(stranger), set(), 0
    for guess in (*WRONG, real[:-1] + ("A" if real[-1] != "A" else "B"), real.swapcase(), real[::-1]):
        cookie = f"ttr_session={guess}".encode().decode("latin-1")
        client: Client = app.test_client(use_cookies=False)
        for path in ("/dashboard", "/account", "/events", "/checks/1", "/checks/987654"):
            status, words, _ = await said(await client.get(path, headers={"Cookie": cookie}))
            answers.add((path == "/events", status, words))
            number += 1
    assert answers == {(False, 303, ""), (True, 401, "Log in first.")}
    tried(number)


async def test_broken_links_all_look_alike(
    app: Quart, victim: Account, stranger: Account, tried: Tried
) -> None:
    number = 0
    for purpose in ("acknowledge", "unsubscribe", "confirm"):
        token = victim.names[purpose]
        payload, _, signature = token.rpartition(".")
        others = {"acknowledge", "unsubscribe", "confirm"} - {purpose}
        broken = [
            *(
                token[:-1],
                token + "A",
                payload,
                f"{payload}.",
                f".{signature}",
                signature,
                "A.A",
                "x" * 9_000,
            ),
            *(
                f"{payload}.{signature[::-1]}",
                f"{payload[::-1]}.{signature}",
                token.swapcase(),
                "%00",
                "..",
                "*",
            ),
            *(victim.names[other] for other in others),
            f"{stranger.names[purpose].rpartition('.')[0]}.{signature}",
        ]
        answers = set()
        for one in broken:
            for method in ("GET", "POST"):
                answer = await ask(app.test_client(), method, f"/{purpose}/{one}", b"", {})
                if one == "..":
                    assert answer.status_code in (200, 404, 405)
                    continue
                status, words, _ = await said(answer)
                answers.add((status, words.replace(unquote(one), "")))
                number += 1
        assert len({status for status, _ in answers}) == 1
        assert len(answers) <= 2, purpose  # a page for a person, and one for a machine that posts
    tried(number)
