"""Addresses that lead on: none leads to another site, whatever it is told."""

import re
from html import unescape
from urllib.parse import quote, urljoin, urlsplit

from quart import Quart, Response
from werkzeug.routing import Rule

from tests.api.conftest import ask
from tests.attacks.conftest import Tried
from tests.attacks.forms import DOORS, Fields, fields_of, send, written
from tests.attacks.routes import is_api, is_signed, path_of, rules
from tests.attacks.test_csrf import token_of
from tests.attacks.world import Account, cookie_of
from tests.conftest import RedisServer
from tests.ping.conftest import door_settings, hypercorn_door
from tests.web.conftest import HTMX, text

TRICKS = (
    *(
        "//elsewhere.test",
        "///elsewhere.test",
        "////elsewhere.test",
        "/\\elsewhere.test",
        "\\\\elsewhere.test",
    ),
    *(
        "\\/elsewhere.test",
        "/\t/elsewhere.test",
        "/\n/elsewhere.test",
        "/\r\n/elsewhere.test",
        "\t//elsewhere.test",
    ),
    *(
        " //elsewhere.test",
        "\x00//elsewhere.test",
        "/%09/elsewhere.test",
        "/%0d/elsewhere.test",
        "/%2f%2felsewhere.test",
    ),
    *(
        "/%5celsewhere.test",
        "/.//elsewhere.test",
        "/..//elsewhere.test",
        "/x/..//elsewhere.test",
        "/;//elsewhere.test",
    ),
    *("https://elsewhere.test", "https:elsewhere.test", "https:/elsewhere.test", "http:elsewhere.test"),
    *("HTTPS://elsewhere.test", "https://localhost@elsewhere.test", "https://localhost.elsewhere.test"),
    *(
        "//localhost@elsewhere.test",
        "//localhost:80@elsewhere.test",
        "@elsewhere.test",
        "localhost@elsewhere.test",
    ),
    *(
        "javascript:hit(1)",
        "JavaScript:hit(1)",
        "java\tscript:hit(1)",
        "data:text/html,elsewhere",
        "vbscript:elsewhere",
    ),
    *(
        "/dashboard\r\nSet-Cookie: elsewhere=1",
        "/dashboard%0d%0aSet-Cookie:%20elsewhere=1",
        "/dashboard\nX-Elsewhere: 1",
    ),
    *(
        "/dashboard\u2028elsewhere",
        "/dashboard\x85elsewhere",
        "/\u2215\u2215elsewhere.test",
        "/\uff0f\uff0felsewhere.test",
    ),
    *(
        "\uff0f\uff0felsewhere.test",
        "/\u3002elsewhere.test",
        "//elsewhere\u3002test",
        "/dashboard#@elsewhere.test",
    ),
    *(
        "/dashboard?next=//elsewhere.test",
        "/dashboard/../..//elsewhere.test",
        "elsewhere.test",
        "",
        "?",
        "#",
        ".",
    ),
    "/" + "x" * 5_000,
)
# Whatever a door might call the page to go on to.
NAMES = ("back", "next", "url", "redirect", "redirect_to", "return", "return_to", "continue", "to", "goto")
# An address of ours that no page leads to by itself.
PROBE = "/dashboard?q=leads-here"


def leads_away(target: str) -> bool:
    """Whether a browser on one of our pages would leave the site; it strips and turns characters as browsers do."""
    seen = re.sub(r"[\t\n\r]", "", target).strip("".join(map(chr, range(33)))).replace("\\", "/")
    led = urlsplit(urljoin("http://localhost/checks/1", seen))
    return led.scheme != "http" or led.netloc != "localhost"


def test_the_judge_of_these_tests_knows_the_tricks() -> None:
    away = [trick for trick in TRICKS if leads_away(trick)]
    assert {"//elsewhere.test", "/\\elsewhere.test", "/\t/elsewhere.test", " //elsewhere.test"} <= {*away}
    assert not leads_away("/dashboard?q=1")
    assert len(away) > 20


async def test_no_form_leads_away(app: Quart, stranger: Account, tried: Tried) -> None:
    token, number, followed = await token_of(stranger.visitor), 0, set()
    for rule, form in written(app):
        if rule.rule in (*DOORS, "/account/import"):
            continue
        path = path_of(rule, stranger.names)
        fields = [pair for pair in fields_of(form, stranger) if pair[0] != "back"]

        async def sent(led: str, rule: Rule, path: str, fields: Fields, headers: dict[str, str]) -> Response:
            named = [*fields, *((name, led) for name in NAMES), ("csrf_token", token)]
            return await send(stranger.visitor, rule, f"{path}?{_query(led)}", named, headers)

        if await _follows(await sent(PROBE, rule, path, fields, {})):
            followed.add(rule.rule)
        # Who follows nothing is asked with little, in case that it follows a name in some other way.
        for trick in TRICKS if rule.rule in followed else TRICKS[:3]:
            headers = HTMX if number % 2 else {"Referer": "https://elsewhere.test/"}
            answer = await sent(trick, rule, path, fields, headers)
            assert answer.status_code < 500, (rule.rule, trick)
            await _stays(answer, (rule.rule, trick))
            number += 1
    assert {"/appearance", "/checks/bulk", "/checks/<int:check_id>/pause"} <= followed
    tried(number)


async def test_doors_lead_only_in(stranger: Account, tried: Tried) -> None:
    number = 0
    for trick in TRICKS:
        for path, fields in (
            ("/login", {"auth_key": stranger.api.key}),
            ("/login", {"auth_key": trick}),
            ("/logout", {}),
        ):
            answer = await stranger.visitor.post(path, fields | dict.fromkeys(NAMES, trick))
            await _stays(answer, (path, trick))
            number += 1
    tried(number)


async def test_no_page_leads_away(app: Quart, stranger: Account, tried: Tried) -> None:
    number, followed = 0, set()
    for rule in rules(app, "GET"):
        if is_api(rule) or is_signed(rule):
            continue
        path = path_of(rule, stranger.names)
        if await _follows(await ask(stranger.visitor.client, "GET", f"{path}?{_query(PROBE)}", b"", {})):
            followed.add(rule.rule)
        for trick in TRICKS if rule.rule in followed else TRICKS[:3]:
            answer = await ask(stranger.visitor.client, "GET", f"{path}?{_query(trick)}", b"", {})
            await _stays(answer, (rule.rule, trick))
            number += 1
    assert "/checks/new" in followed
    tried(number)


async def test_no_path_leads_away(redis_server: RedisServer, stranger: Account, tried: Tried) -> None:
    number, cookie = 0, f"Cookie: ttr_session={cookie_of(stranger)}"
    async with hypercorn_door(door_settings(redis_server)) as door:
        for trick in TRICKS:
            quoted = quote(trick, safe="/:@;%")
            for path in (
                quoted,
                f"/{quoted}",
                f"{quoted}/",
                f"{quoted}/..",
                f"/dashboard{quoted}",
                f"//{quoted}/",
            ):
                answer = await door.ask("GET", path if path[:1] == "/" else f"/{path}", cookie)
                assert answer.status < 500, path
                assert not leads_away(answer.header("location") or "/"), path
                number += 1
    tried(number)


def _query(led: str) -> str:
    return "&".join(f"{name}={quote(led)}" for name in NAMES)


async def _follows(answer: Response) -> bool:
    """Whether the answer leads on to where it was told to, at once or by one of its links."""
    return PROBE in answer.headers.get("Location", "") or PROBE in unescape(await text(answer))


async def _stays(answer: Response, where: object) -> None:
    for name in ("Location", "HX-Redirect", "HX-Location", "HX-Push-Url", "HX-Replace-Url", "Refresh"):
        assert not leads_away(answer.headers.get(name, "/")), (where, answer.headers[name])
    assert "elsewhere" not in str(answer.headers).lower(), where
    if (answer.content_type or "").startswith("text/html"):
        for target in re.findall(
            r'\b(?:href|action|hx-get|hx-post|src|formaction)="([^"]*)"', await text(answer)
        ):
            # Where the owner's own words and ours lead is judged by test_xss.py.
            assert not ("elsewhere" in target and leads_away(unescape(target))), (where, target)
