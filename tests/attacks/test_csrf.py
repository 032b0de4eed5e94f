"""Writes that another site would have a browser send: every form, without what only our own pages have."""

from collections.abc import Mapping
from urllib.parse import urlencode

from quart import Quart

from tests.api.conftest import ask
from tests.archive.keyspace import compare, read_keyspace
from tests.attacks.conftest import Tried
from tests.attacks.forms import DOORS, fields_of, send, written
from tests.attacks.routes import NOT_READY, QUERIES, is_api, is_signed, path_of, rules
from tests.attacks.world import Account
from tests.web.conftest import HTMX, Visitor
from ttr.store.redis import Store

SITE = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
NEIGHBOUR = {"Sec-Fetch-Site": "same-site", "Origin": "https://neighbour.example"}


async def test_a_form_of_ours_works(app: Quart, victim: Account) -> None:
    # Else the refusals below would prove nothing.
    for rule, form in written(app):
        sent = [*fields_of(form, victim), ("csrf_token", await token_of(victim.visitor))]
        answer = await send(victim.visitor, rule, path_of(rule, victim.names), sent)
        if rule.rule == "/account/keys/<key_id>/revoke":
            assert answer.status_code == 404  # the form before has replaced that key
            continue
        assert answer.status_code < 400 or rule.rule.startswith(NOT_READY), (rule.rule, answer.status_code)
        assert answer.headers.get("Location") != "/" or rule.rule in ("/logout", "/operator/leave"), rule.rule
        if rule.rule in DOORS:
            victim.visitor.token = ""


async def test_a_forged_form_does_nothing(
    app: Quart, store: Store, victim: Account, stranger: Account, tried: Tried
) -> None:
    own, theirs = await token_of(victim.visitor), await token_of(stranger.visitor)
    unsigned = own[:32] + "0" * 64
    forgeries: list[tuple[str, str | None, Mapping[str, str]]] = [
        ("no token", None, {}),
        ("an empty token", "", {}),
        ("a made-up token", "x" * 96, {}),
        ("another session's token", theirs, {}),
        ("a token of our form, not signed", unsigned, {}),
        ("a cut token", own[:-1], {}),
        ("the token and more", own + "0", {}),
        ("the token in capitals", own.swapcase(), {}),
        ("no token, by htmx", None, HTMX),
        ("the token in a header", None, {"X-CSRF-Token": own, "X-CSRFToken": own, "X-XSRF-TOKEN": own}),
        ("the right token from another site", own, SITE),
        ("the right token from a neighbour", own, NEIGHBOUR),
        ("the right token from an unknown place", own, {"Sec-Fetch-Site": "elsewhere"}),
        ("the right token, another Origin", own, {"Origin": "https://evil.example"}),
        (
            "the right token, an Origin that begins like ours",
            own,
            {"Origin": "http://localhost.evil.example"},
        ),
        ("the right token, a page without an Origin", own, {"Origin": "null"}),
        ("no token, another Origin", None, {"Origin": "https://evil.example"}),
        ("no token, no Origin at all", None, {"Origin": "null"}),
        ("no token, our own Referer", None, {"Referer": "http://localhost/dashboard"}),
        ("no token, another method", None, {"X-HTTP-Method-Override": "POST", "X-HTTP-Method": "PUT"}),
        ("no token, said to be a script of ours", None, {"X-Requested-With": "XMLHttpRequest"}),
    ]
    before, number = await read_keyspace(store), 0
    for rule, form in written(app):
        path, fields = path_of(rule, victim.names), fields_of(form, victim)
        for what, token, headers in forgeries:
            sent = fields if token is None else [*fields, ("csrf_token", token)]
            answer = await send(victim.visitor, rule, path, sent, headers)
            assert answer.status_code == 403, (rule.rule, what, answer.status_code)
            number += 1
    compare(before, await read_keyspace(store))
    tried(number)


async def test_a_token_counts_only_as_a_field_of_a_form(
    app: Quart, store: Store, victim: Account, tried: Tried
) -> None:
    own = await token_of(victim.visitor)
    before, number = await read_keyspace(store), 0
    for rule, form in written(app):
        path = path_of(rule, victim.names)
        plain = urlencode([*fields_of(form, victim), ("csrf_token", own)])
        bodies = (
            ("text/plain", plain),
            ("text/plain; charset=application/x-www-form-urlencoded", plain),
            ("application/json", f'{{"csrf_token": "{own}"}}'),
            ("application/json; x=application/x-www-form-urlencoded", plain),
            ("application/octet-stream", plain),
            ("text/xml", plain),
            ("", plain),
            ("multipart/form-data", plain),
            ("multipart/form-data; boundary=x", f"--x\r\n\r\n{own}\r\n--x--"),
            ("application/x-www-form-urlencoded", f";csrf_token={own}"),
            ("application/x-www-form-urlencoded", f"csrf_token[]={own}"),
        )
        for kind, body in bodies:
            answer = await ask(
                victim.visitor.client, "POST", path, body.encode(), {"Content-Type": kind} if kind else {}
            )
            assert 400 <= answer.status_code < 500, (rule.rule, kind, answer.status_code)
            number += 1
        for query in (f"?csrf_token={own}", f"?_method=POST&csrf_token={own}", f";csrf_token={own}"):
            answer = await ask(victim.visitor.client, "POST", path + query, b"", {})
            assert 400 <= answer.status_code < 500, (rule.rule, query, answer.status_code)
            number += 1
    compare(before, await read_keyspace(store))
    tried(number)


async def test_a_planted_cookie_is_no_token(
    app: Quart, store: Store, victim: Account, stranger: Account, tried: Tried
) -> None:
    theirs = await token_of(stranger.visitor)
    nobody = Visitor(app.test_client())
    loose = await token_of(nobody)
    before, number = await read_keyspace(store), 0
    for planted in (theirs, loose, "x" * 96, ""):
        victim.visitor.client.set_cookie("localhost", "csrf_token", planted)
        for rule, form in written(app):
            sent = [*fields_of(form, victim), ("csrf_token", planted)]
            answer = await send(victim.visitor, rule, path_of(rule, victim.names), sent)
            assert answer.status_code == 403, (rule.rule, planted)
            number += 1
    compare(before, await read_keyspace(store))
    tried(number)


async def test_no_other_method_writes(app: Quart, store: Store, victim: Account, tried: Tried) -> None:
    own = await token_of(victim.visitor)
    before, number = await read_keyspace(store), 0
    for rule, form in written(app):
        path = path_of(rule, victim.names)
        body = urlencode([*fields_of(form, victim), ("csrf_token", own)])
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        for method in ("GET", "HEAD", "OPTIONS"):
            override = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"}
            answer = await ask(
                victim.visitor.client, method, f"{path}?_method=POST&{body}", body.encode(), kind | override
            )
            assert answer.status_code < 500, (rule.rule, method)
        for method in ("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW"):
            answer = await ask(victim.visitor.client, method, path, body.encode(), kind)
            assert answer.status_code in (403, 405), (rule.rule, method, answer.status_code)
        number += 10
    compare(before, await read_keyspace(store))
    tried(number)


async def test_no_page_changes_anything_by_being_read(
    app: Quart, store: Store, victim: Account, tried: Tried
) -> None:
    before, number = await read_keyspace(store), 0
    for rule in rules(app, "GET"):
        path = path_of(rule, victim.names) + QUERIES.get(rule.rule, "")
        for method in ("GET", "HEAD"):
            for headers in ({}, HTMX, SITE):
                key = {"X-Auth-Key": victim.api.key} if is_api(rule) else {}
                answer = await ask(victim.visitor.client, method, path, b"", headers | key)
                assert answer.status_code < 400 or rule.rule.startswith(NOT_READY), (
                    rule.rule,
                    answer.status_code,
                )
                number += 1
    compare(before, await read_keyspace(store))
    tried(number)


async def test_a_cookie_opens_nothing_of_the_api(
    app: Quart, store: Store, victim: Account, tried: Tried
) -> None:
    before, number = await read_keyspace(store), 0
    open_to_all = {"/api/v1/keys", "/api/v1/token", "/api/v1/openapi.json", "/api/v1/metrics/summary"}
    for rule in rules(app, "GET", "POST", "PUT", "PATCH", "DELETE"):
        if not is_api(rule) or rule.rule in open_to_all:
            continue
        for method in sorted((rule.methods or set()) - {"OPTIONS", "HEAD"}):
            path = path_of(rule, victim.names)
            for query in ("", f"?auth_key={victim.api.key}&X-Auth-Key={victim.api.key}"):
                answer = await ask(victim.visitor.client, method, path + query, b"{}", {})
                assert answer.status_code == 401, (rule.rule, method, answer.status_code)
                number += 1
    compare(before, await read_keyspace(store))
    tried(number)


async def test_a_signed_link_does_nothing_until_its_button_is_pressed(
    app: Quart, store: Store, victim: Account, tried: Tried
) -> None:
    before, number = await read_keyspace(store), 0
    for rule in rules(app, "POST"):
        if not is_signed(rule):
            continue
        token = path_of(rule, victim.names).rpartition("/")[2]
        for purpose in ("acknowledge", "unsubscribe", "confirm"):
            others = {victim.names[name] for name in ("acknowledge", "unsubscribe", "confirm")} - {token}
            cut = (
                token[:-1],
                token + "A",
                token.swapcase(),
                token.partition(".")[0],
                ".",
                "x.y",
                "a" * 9_000,
            )
            for other in (*others, *cut) if f"/{purpose}/" in rule.rule else cut:
                answer = await Visitor(app.test_client()).client.post(f"/{purpose}/{other}")
                assert answer.status_code == 404, (purpose, other)
                number += 1
    compare(before, await read_keyspace(store))
    tried(number)


async def token_of(visitor: Visitor) -> str:
    """The token of a browser's forms."""
    if not visitor.token:
        await visitor.post("/appearance")
    return visitor.token
