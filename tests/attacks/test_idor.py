"""Things of others by their numbers: a stranger's answer is that for what does not exist, and nothing changes.

`tests/rules/test_strangers.py` calls every operation of the API with all its bodies; here is what both doors share.
"""

import re
from collections.abc import Mapping

from quart import Quart, Response
from werkzeug.routing import Rule

from tests.api.conftest import ask
from tests.archive.keyspace import Keyspace, compare, read_keyspace
from tests.attacks.conftest import Tried
from tests.attacks.forms import DOORS, fields_of, send, written
from tests.attacks.routes import is_api, is_public, is_signed, path_of, rules, variables
from tests.attacks.test_csrf import token_of
from tests.attacks.world import Account, cookie_of
from tests.conftest import RedisServer
from tests.ping.conftest import door_settings, hypercorn_door
from tests.ping.wire import request
from tests.web.conftest import HTMX, text
from ttr.store import keys
from ttr.store.redis import Store

# What no account has.
NOTHING = {
    **dict.fromkeys(("check", "check_id", "channel", "channel_id", "page", "page_id"), "987654"),
    **dict.fromkeys(("delivery", "delivery_id"), "d987654"),
    "former_slug": "nobody-was-this",
    **dict.fromkeys(("key", "key_id"), "987654"),
    **dict.fromkeys(("session", "session_id"), "0123456789abcdef"),
}
# Differs with every answer: the form's token, and the time.
PASSING = re.compile(r'(name="csrf_token" value=|name="ttr-now" content=)"[^"]+"')


def names_a_thing(rule: Rule) -> bool:
    """Whether a variable of the address names something that one account has."""
    named = variables(rule) & {*NOTHING, "slug"}
    return bool(named) and not is_public(rule) and not is_signed(rule)


async def test_what_a_stranger_reads_is_what_is_not_there(
    app: Quart, victim: Account, stranger: Account, tried: Tried
) -> None:
    number = 0
    for rule in rules(app, "GET"):
        if not names_a_thing(rule):
            continue
        nothing = path_of(rule, stranger.names | NOTHING)
        key = {"X-Auth-Key": stranger.api.key} if is_api(rule) else {}
        for names in _namings(rule, victim):
            for headers in ({}, HTMX):
                path = path_of(rule, names)
                theirs = await ask(stranger.visitor.client, "GET", path, b"", headers | key)
                none = await ask(stranger.visitor.client, "GET", nothing, b"", headers | key)
                assert await _seen(theirs, path) == await _seen(none, nothing), rule.rule
                assert theirs.status_code in (204, 303, 404) or "HX-Redirect" in theirs.headers, rule.rule
                await reveals_nothing(theirs, victim, rule.rule, asked=path)
                number += 1
    tried(number)


async def test_what_a_stranger_sends_changes_nothing(
    app: Quart, store: Store, victim: Account, stranger: Account, tried: Tried
) -> None:
    before, number = await _of_account(store, victim), 0
    for rule, form in written(app):
        if not names_a_thing(rule):
            continue
        sent = [*fields_of(form, stranger), ("csrf_token", await token_of(stranger.visitor))]
        for headers in ({}, HTMX):
            path, nothing = path_of(rule, victim.names), path_of(rule, stranger.names | NOTHING)
            theirs = await send(stranger.visitor, rule, path, sent, headers)
            none = await send(stranger.visitor, rule, nothing, sent, headers)
            assert await _seen(theirs, path) == await _seen(none, nothing), rule.rule
            assert theirs.status_code == 404, (rule.rule, theirs.status_code)
            number += 1
    compare(before, await _of_account(store, victim))
    tried(number)


async def test_forms_of_ones_own_that_name_things_of_others(
    app: Quart, store: Store, victim: Account, stranger: Account, tried: Tried
) -> None:
    before, number = await _of_account(store, victim), 0
    check, channel = victim.names["check"], victim.names["channel"]
    # Whatever a form may name, in every form: also in those that know no such field.
    planted = [
        *(("check", check), ("check_id", check), ("like", check), ("channel", channel)),
        *(("page", victim.names["page"]), ("upload", victim.names["upload"]), ("entry_kind", "check")),
        *(("entry_value", check), ("user_id", "1"), ("id", "1"), ("own_check", check), ("sure", "yes")),
    ]
    for rule, form in written(app):
        if rule.rule in DOORS:
            continue
        for fields in ([*fields_of(form, victim), *planted], [*planted, *fields_of(form, victim)]):
            sent = [*fields, ("csrf_token", await token_of(stranger.visitor))]
            answer = await send(stranger.visitor, rule, path_of(rule, stranger.names), sent)
            assert answer.status_code < 500, rule.rule
            if rule.rule != "/account/import/run":  # its field is given back as it came
                await reveals_nothing(answer, victim, rule.rule)
            number += 1
    compare(before, await _of_account(store, victim))
    tried(number)


async def test_questions_that_name_things_of_others(
    app: Quart, victim: Account, stranger: Account, tried: Tried
) -> None:
    number = 0
    names = victim.names
    for query in (
        *(f"like={names['check']}", f"check_id={names['check']}&slug={names['check_slug'][::-1]}"),
        *(f"rows={names['check']}", f"back=/checks/{names['check']}", f"offset={names['delivery']}"),
        *("q=priv8", "tag=evil", "user_id=1", "account=1", f"cursor={names['check']}", "q=hook"),
    ):
        for rule in rules(app, "GET"):
            key = {"X-Auth-Key": stranger.api.key} if is_api(rule) else {}
            path = path_of(rule, stranger.names)
            answer = await ask(stranger.visitor.client, "GET", f"{path}?{query}", b"", key)
            assert answer.status_code < 500 or rule.rule == "/health", (rule.rule, query)
            await reveals_nothing(answer, victim, f"{rule.rule}?{query}", asked=query)
            number += 1
    tried(number)


async def test_the_stream_tells_nothing_of_others(
    redis_server: RedisServer, store: Store, victim: Account, stranger: Account, tried: Tried
) -> None:
    cookie = cookie_of(stranger)
    async with hypercorn_door(door_settings(redis_server)) as door, door.wire() as wire:
        rows = ",".join((victim.names["check"], stranger.names["check"]))
        query = f"/events?rows={rows}&whole=1&account=1&since=0&user_id=1"
        await wire.send(request("GET", query, f"Cookie: ttr_session={cookie}"))
        came = b""
        while b"event: alive" not in came:
            came += await wire.reader.read(4_096)
        for account in (victim, stranger):
            path = f"/p/{account.names['user_slug']}/{account.names['check_slug']}"
            assert (await door.ask("GET", path)).status == 200
        # The victim's ping came first: were it told, it would be before the stranger's own.
        own = f"event: check-{stranger.names['check']}\n".encode()
        while own not in came and b"event: checks" not in came:
            came += await wire.reader.read(4_096)
        assert f"check-{victim.names['check']}\n".encode() not in came
        tried(1)


async def reveals_nothing(answer: Response, victim: Account, where: str, asked: str = "") -> None:
    """Nothing of what only the victim knows is in an answer, its headers or its words, but for what was asked."""
    seen = f"{answer.headers}\n{(await answer.get_data()).decode('utf-8', 'replace')}"
    for secret in victim.secrets:
        assert secret not in seen or secret in asked, (where, secret)


def _namings(rule: Rule, victim: Account) -> list[Mapping[str, str]]:
    """The victim's things by each of their names."""
    by_uuid = victim.names | {"check": victim.names["check_uuid"]}
    return [victim.names, by_uuid] if is_api(rule) else [victim.names]


async def _seen(answer: Response, path: str) -> tuple[int, str, str]:
    """All of an answer that could tell one thing from another, but for the address that was asked."""
    led = answer.headers.get("Location", "") + answer.headers.get("HX-Redirect", "")
    led = re.sub(r"\d+", "N", led)  # on to the page of that number, which is not there either
    return answer.status_code, led, PASSING.sub(r"\1", await text(answer)).replace(path, "PATH")


async def _of_account(store: Store, account: Account) -> Keyspace:
    """The durable keys of the account's partition; no other test account is in it."""
    start = keys.prefix(account.api.user.partition)
    return {name: value for name, value in (await read_keyspace(store)).items() if name.startswith(start)}
