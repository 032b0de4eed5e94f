"""The API does what its OpenAPI document says: every route of the app's own map is walked, so new ones are too."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from quart import Quart, Response

from tests.admins import PASSWORD
from tests.api.conftest import ask, problem
from tests.api.world import HOOK, PAGE, SLUG, World, call, examples, make_world, operations
from ttr import current
from ttr.accounts import link_telegram
from ttr.api.converters import RESERVED, CheckConverter
from ttr.api.describe import TAGS, described
from ttr.api.openapi import PREFIX, Route, document
from ttr.app import create_app
from ttr.channels import KINDS
from ttr.domain.allowance import parse_limits
from ttr.domain.limits import ACCESS_KEYS_MAX
from ttr.domain.telegram_login import TelegramAccount
from ttr.installation import Installation
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import account_slugs
from ttr.store.chores import begin, end
from ttr.store.redis import Store, open_store
from ttr.summary import Summaries, set_summaries

BAD_BODIES = (
    b"",
    b"{",
    b"nothing",
    b'"text"',
    b"5",
    b"null",
    b"\xff\xfe\x00",
    b"\x00" * 100,
    b"[" * 100_000,
    b'{"a":' * 20_000,
    b'{"name": "\\ud800", "checks": "\\udfff"}',
    b'{"name": 1e999999, "checks": NaN}',
)

# There is an example for each kind of channel: all of them have to be set up.
MAIL = {
    "smtp_host": "127.0.0.1",
    "smtp_port": 9,
    "smtp_from": "ttr@example.org",
    "public_url": "http://ttr.test",
}

# Clients that are made from the document name their functions after these: a moved view must not change one.
OPERATION_IDS = set(
    """
    access_keys_change access_keys_create access_keys_delete access_keys_index access_keys_rotate
    acknowledgements_create admin_accounts_index admin_checks_index admin_stats_show
    aggregate_show bulk_change bulk_create bulk_delete channels_assign
    channels_assign_all channels_change channels_create channels_delete channels_index
    channels_queue_test channels_rate channels_rotate_secret channels_show channels_test
    channels_unassign check_slug_show checks_change checks_create checks_delete checks_index
    checks_replace checks_show deliveries_index deliveries_of_check deliveries_resend deliveries_show
    flips_index geoip_show integrations_change_discord integrations_change_email integrations_change_slack
    integrations_change_telegram integrations_change_webhook integrations_queue_test integrations_rate
    integrations_test keys_create metrics_summary_show openapi_show pauses_pause pauses_resume pauses_toggle pings_body
    pings_content pings_index sessions_delete sessions_index stats_show
    status_pages_change status_pages_create status_pages_delete
    status_pages_index status_pages_replace status_pages_show tags_index transfer_export transfer_export_with_secrets
    tokens_create transfer_import_account uptime_show user_change_slugs user_check_slugs user_delete
    user_end_former_slug user_rotate_key user_show user_unlink_telegram
    """.split()
)

Scene = Callable[[Quart, Store, World, Route], Awaitable[Response]]


def test_the_document_is_valid(settings: Settings) -> None:
    app = create_app(settings)
    found = json.loads(json.dumps(document(app)))
    assert found["openapi"].startswith("3.1")
    schemathesis.openapi.from_dict(found).validate()
    components = found["components"]["schemas"]
    references = [{"$ref": f"#/components/schemas/{name}"} for name in components]
    jsonschema_rs.validator_for(_bundled(app, {"anyOf": references}))
    for name, schema in components.items():
        assert schema.get("description"), f"{name} has no description"


def test_every_route_is_described(settings: Settings) -> None:
    app = create_app(settings)
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith(PREFIX)]
    assert len(rules) > 40
    for rule in rules:
        said = described(app.view_functions[rule.endpoint])
        assert said is not None, f"{rule.rule} ({rule.endpoint}) has no @operation"
        assert app.view_functions[rule.endpoint].__doc__, f"{rule.rule} has no docstring"
        assert said.tag in TAGS
        assert not said.summary.endswith(".")


def test_operation_ids_stay(settings: Settings) -> None:
    names = [said["operationId"] for _, said in operations(create_app(settings))]
    assert len(set(names)) == len(names)
    assert set(names) == OPERATION_IDS


def test_a_path_has_one_meaning(settings: Settings) -> None:
    app = create_app(settings)
    fixed = set()
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(f"{PREFIX}checks/"):
            first = rule.rule.removeprefix(f"{PREFIX}checks/").partition("/")[0]
            if "<" not in first:
                fixed.add(first)
            else:
                assert isinstance(rule._converters["check"], CheckConverter), rule.rule
    assert fixed == set(RESERVED)


async def test_every_example_runs_and_every_answer_is_as_described(store: Store, settings: Settings) -> None:
    async with _served(settings.model_copy(update=MAIL)) as app:
        for route, said in operations(app):
            good = {status for status in route.said.answers if 200 <= status < 300}
            for body in examples(app, said):
                world = await make_world(app, store)
                answer = await _plain(body)(app, store, world, route)
                assert answer.status_code in good, (route.name, body, await answer.get_data(as_text=True))
                await _as_described(app, said, answer)


async def test_every_documented_answer_is_produced(store: Store, settings: Settings) -> None:
    settings = settings.model_copy(update=MAIL | {"channels_per_account": 6})
    produced: set[tuple[str, int]] = set()
    async with _limited(settings) as limited, _away(settings) as away, _served(settings) as app:
        documented = {
            (route.name, int(status)) for route, said in operations(app) for status in said["responses"]
        }
        shared = await make_world(app, store)
        for route, said in operations(app):
            for status in sorted(int(text) for text in said["responses"]):
                # Each world is another login of the one admin, and the twenty-first ends the first.
                kept = status in HARMLESS and not route.said.admin
                world = shared if kept else await make_world(app, store)
                make = SCENES.get((route.name, status)) or GENERIC.get(status) or _example(app, said)
                target = {429: limited, 503: away}.get(status, app)
                answer = await make(target, store, world, route)
                await _as_described(app, said, answer)
                produced.add((route.name, answer.status_code))
    assert documented - produced == set(), "a row of SCENES is missing, or the status never comes"
    assert produced <= documented


async def test_every_error_has_the_one_shape(app: Quart, store: Store) -> None:
    world = await make_world(app, store)
    strange = dict.fromkeys(world.known, "%00%ff")
    refused = 0
    for route, said in operations(app):
        answers = [
            await call(app, route, variables=world.known, key="x" * 32),
            await call(app, route, variables=world.known, key="\u00e9"),
        ]
        if route.variables:
            answers.append(await call(app, route, variables=strange, key=world.opens(route)))
        for body in BAD_BODIES if "requestBody" in said else ():
            answers.append(await call(app, route, variables=world.known, key=world.opens(route), raw=body))
        for answer in answers:
            assert answer.status_code < 500, (route.name, answer.status_code)
            if answer.status_code >= 400:
                await problem(answer)
                refused += 1
    assert refused > 200


async def test_what_is_no_route_is_refused_in_the_one_shape(app: Quart) -> None:
    client = app.test_client()
    for path in (
        "nothing",
        "checks//1",
        "checks/1/nothing",
        "checks/1/pings/x/body",
        "\u00e9",
        "%00",
        "../keys",
    ):
        answer = await ask(client, "GET", PREFIX + path, b"", {})
        assert answer.status_code == 404, path
        await problem(answer)
    for route, _ in operations(app):
        path = route.path.replace("{number}", "1").replace("{", "").replace("}", "")
        for method in ("TRACE", "PROPFIND"):
            answer = await ask(client, method, path, b"", {})
            assert answer.status_code in (404, 405), route.path  # `kind` stands for no kind here
            await problem(answer)


async def test_options_tell_what_the_document_tells(app: Quart) -> None:
    paths = document(app)["paths"]
    for path, said in paths.items():
        real = path.replace("{number}", "1").replace("{kind}", "slack").replace("{", "").replace("}", "")
        answer = await ask(app.test_client(), "OPTIONS", real, b"", {})
        allowed = {method.lower() for method in answer.headers["Allow"].split(", ")}
        assert allowed - {"head", "options"} == set(said), path


async def test_the_document_is_cached_by_its_etag(app: Quart) -> None:
    first = await app.test_client().get("/api/v1/openapi.json")
    assert first.headers["Cache-Control"] == "public, max-age=300"
    again = await app.test_client().get(
        "/api/v1/openapi.json", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, await again.get_data(as_text=True)) == (304, "")
    assert again.headers["ETag"] == first.headers["ETag"]


def test_a_tag_that_is_none_is_told_at_once() -> None:
    from ttr.api.describe import operation

    with pytest.raises(ValueError, match="unknown tag"):
        operation("Do", tag="Nothing", answers={})


def _plain(body: Any) -> Scene:
    async def send(app: Quart, _: Store, world: World, route: Route) -> Response:
        return await call(app, route, variables=world.known, key=world.opens(route), body=body)

    return send


def _example(app: Quart, said: dict[str, Any]) -> Scene:
    """What works: the first example."""
    return _plain(next(iter(examples(app, said)), None))


def _with(body: Any = None, query: str = "", **variables: str) -> Scene:
    async def send(app: Quart, _: Store, world: World, route: Route) -> Response:
        known = world.known | variables
        return await call(app, route, variables=known, key=world.opens(route), body=body, query=query)

    return send


async def _bad(app: Quart, _: Store, world: World, route: Route) -> Response:
    """400: a query that is none, or else a body that is none."""
    if route.said.query is not None:
        name, wrong = next(
            (name, value)
            for name, value in (
                ("size", "x"),
                ("dry_run", "x"),
                ("slug", "%00"),
                ("status", "x"),
                ("days", "x"),
                ("ip", "x"),
            )
            if name in route.said.query.model_fields
        )
        return await call(app, route, variables=world.known, key=world.opens(route), query=f"?{name}={wrong}")
    return await call(app, route, variables=world.known, key=world.opens(route), raw=b"{")


async def _keyless(app: Quart, _: Store, world: World, route: Route) -> Response:
    return await call(app, route, variables=world.known, key=None)


async def _unknown(app: Quart, _: Store, world: World, route: Route) -> Response:
    """404: with a body that works, for what is wrong with it is told first."""
    strange = dict.fromkeys(route.variables, "999999") | {"kind": "slack"}
    body = next(iter(examples(app, document(app)["paths"][route.path][route.method.lower()])), None)
    return await call(app, route, variables=strange, key=world.opens(route), body=body)


async def _large(app: Quart, _: Store, world: World, route: Route) -> Response:
    return await call(
        app, route, variables=world.known, key=world.opens(route), raw=b" ", Content_Length=str(10**9)
    )


async def _often(app: Quart, store: Store, world: World, route: Route) -> Response:
    """429: each zone has room for one call. A call that ends the key is refused as one without."""
    for _ in range(4):
        answer = await call(app, route, variables=world.known, key=world.opens(route), raw=b"{}")
        if answer.status_code == 429:
            break
    assert int(answer.headers.get("Retry-After", 0)) >= 1, route.name
    return answer


async def _gone(app: Quart, _: Store, world: World, route: Route) -> Response:
    answer = await call(app, route, variables=world.known, key=world.opens(route), raw=b"{}")
    assert answer.headers["Retry-After"] == "5"
    return answer


async def _as_you_have_it(app: Quart, _: Store, world: World, route: Route) -> Response:
    first = await call(app, route, variables=world.known, key=world.opens(route))
    return await call(
        app, route, variables=world.known, key=world.opens(route), If_None_Match=first.headers["ETag"]
    )


async def _not_down(app: Quart, _: Store, world: World, route: Route) -> Response:
    other = await world.api.make()
    return await call(app, route, variables=world.known | {"check": str(other["id"])}, key=world.opens(route))


async def _sent_already(app: Quart, _: Store, world: World, route: Route) -> Response:
    await call(app, route, variables=world.known, key=world.opens(route))
    return await call(app, route, variables=world.known, key=world.opens(route))


async def _off(app: Quart, _: Store, world: World, route: Route) -> Response:
    """A channel that is off is not tested."""
    await world.api.call("PATCH", f"/channels/{world.known['channel']}", {"enabled": False})
    await world.api.call("PUT", f"/checks/{world.known['check']}/slack", {"slack_enabled": False})
    return await call(app, route, variables=world.known, key=world.opens(route))


async def _own_channel(app: Quart, _: Store, world: World, route: Route) -> Response:
    """The channel that one check has to itself can't be taken off it, nor given to others."""
    own = next(number for number in world.check["channels"] if str(number) != world.known["channel"])
    other = await world.api.make()
    check = world.known["check"] if route.method == "DELETE" else str(other["id"])
    return await call(
        app, route, variables=world.known | {"channel": str(own), "check": check}, key=world.opens(route)
    )


async def _full(app: Quart, _: Store, world: World, route: Route) -> Response:
    """The account has as many channels as it may have."""
    for _turn in range(10):
        body = {"kind": "webhook", "enabled": False}
        answer = await call(app, route, variables=world.known, key=world.opens(route), body=body)
        if answer.status_code != 201:
            break
    return answer


async def _busy(app: Quart, store: Store, world: World, route: Route) -> Response:
    """Another bulk change of the account is running."""
    chore = await begin(store, world.api.user.id, "change", now=now_ms())
    body = next(iter(examples(app, document(app)["paths"][route.path][route.method.lower()])))
    answer = await call(app, route, variables=world.known, key=world.opens(route), body=body)
    await end(store, chore)
    return answer


async def _renaming(app: Quart, store: Store, world: World, route: Route) -> Response:
    """The account's slugs are being changed by another call."""
    await account_slugs._begin(store, world.api.user.id, {"user_slug": "in-between"}, "", now_ms())
    return await call(app, route, variables=world.known, key=world.opens(route))


async def _unready(app: Quart, _: Store, world: World, route: Route) -> Response:
    """A channel that lacks its settings can't be on."""
    fields = {field.name: None for field in KINDS[route.kind].fields}
    body = {f"{route.kind}_enabled": True, **fields}
    return await call(app, route, variables=world.known, key=world.opens(route), body=body)


async def _unsigned(app: Quart, _: Store, world: World, route: Route) -> Response:
    _, made = await world.api.call("POST", "/channels", {"kind": "slack", "slack_webhook_url": HOOK})
    return await call(
        app, route, variables=world.known | {"channel": str(made["id"])}, key=world.opens(route)
    )


async def _page_slug_taken(app: Quart, _: Store, world: World, route: Route) -> Response:
    """Another page of the account has the slug."""
    await world.api.call("POST", "/status-pages", {"name": "Second", "slug": "second"})
    body = {"name": "Renamed", "slug": "second"}
    return await call(app, route, variables=world.known, key=world.opens(route), body=body)


async def _linked(app: Quart, store: Store, world: World, route: Route) -> Response:
    """Somebody at Telegram may log in."""
    await link_telegram(store, world.api.user, TelegramAccount(5_000_000_001, "Ada", ""), now=now_ms())
    return await call(app, route, variables=world.known, key=world.opens(route))


async def _by_two(app: Quart, store: Store, world: World, route: Route) -> Response:
    """Another account has the slug."""
    other = await make_world(app, store)
    _, me = await other.api.call("GET", "/user/me")
    slug = me["user_slug"]
    sent = {"body": {"slug": slug}} if route.method == "POST" else {"query": f"?slug={slug}"}
    return await call(app, route, variables=world.known, key=world.opens(route), **sent)


async def _wrong_password(app: Quart, _: Store, world: World, route: Route) -> Response:
    body = {"username": "ops", "password": "not the right one"}
    return await call(app, route, variables={}, key=None, body=body)


async def _from_elsewhere(app: Quart, _: Store, world: World, route: Route) -> Response:
    return await call(app, route, variables={}, key=None, body=LOGIN, Sec_Fetch_Site="cross-site")


async def _as_json(app: Quart, _: Store, world: World, route: Route) -> Response:
    return await call(app, route, variables={}, key=None, body=LOGIN, Content_Type="application/json")


async def _logged_in_often(app: Quart, _: Store, world: World, route: Route) -> Response:
    await call(app, route, variables={}, key=None, body=LOGIN)
    return await call(app, route, variables={}, key=None, body=LOGIN)


async def _without_token(app: Quart, _: Store, world: World, route: Route) -> Response:
    """429: calls without a token count against their address."""
    await call(app, route, variables={}, key=None)
    return await call(app, route, variables={}, key=None)


async def _asked_often(app: Quart, _: Store, world: World, route: Route) -> Response:
    """429: counted in the process, by an address that a test's client does not have by itself."""
    client, peer = app.test_client(), {"client": ("203.0.113.9", 4711)}
    await client.get(route.path, scope_base=peer)
    return await client.get(route.path, scope_base=peer)


async def _closed_summary(app: Quart, _: Store, world: World, route: Route) -> Response:
    """401: where the operator has closed it."""
    settings: Settings = app.extensions["ttr_settings"]
    async with _served(settings.model_copy(update={"metrics_summary": "admin"})) as closed:
        return await call(closed, route, variables={}, key=None)


async def _elsewhere(app: Quart, _: Store, world: World, route: Route) -> Response:
    """403: with a key that is bound to an address that this is not."""
    bound = {"name": "Elsewhere", "addresses": ["203.0.113.7"]}
    _, key = await world.api.call("POST", "/user/keys", bound)
    answer = await call(app, route, variables=world.known, key=key["auth_key"])
    await world.api.call("DELETE", f"/user/keys/{key['id']}")
    return answer


def _own(world: World) -> str:
    """The id of the key that the world's caller sends."""
    assert world.api.user.key is not None
    return world.api.user.key.id


async def _keys_full(app: Quart, _: Store, world: World, route: Route) -> Response:
    """The account has as many access keys as it may have."""
    for _turn in range(ACCESS_KEYS_MAX):
        answer = await call(app, route, variables=world.known, key=world.api.key, body={"name": "More"})
        if answer.status_code != 201:
            break
    return answer


async def _own_key(app: Quart, _: Store, world: World, route: Route) -> Response:
    """The key of the call itself, bound to where it is not."""
    body = {"addresses": ["203.0.113.7"]}
    return await call(app, route, variables=world.known | {"key": _own(world)}, key=world.api.key, body=body)


async def _last_key(app: Quart, _: Store, world: World, route: Route) -> Response:
    """Nobody would get in any more."""
    await call(app, route, variables=world.known, key=world.api.key)
    return await call(app, route, variables=world.known | {"key": _own(world)}, key=world.api.key)


GENERIC: dict[int, Scene] = {
    304: _as_you_have_it,
    400: _bad,
    401: _keyless,
    403: _elsewhere,
    404: _unknown,
    413: _large,
    429: _often,
    503: _gone,
}
HARMLESS = {304, 400, 401, 403, 404, 413, 503}
"""What leaves the account as it is."""
TAKEN = {"name": "Another", "slug": SLUG, "interval_seconds": 60, "grace_seconds": 60}
LOGIN = {"username": "ops", "password": PASSWORD}
SCENES: dict[tuple[str, int], Scene] = {
    ("tokens_create", 401): _wrong_password,
    ("tokens_create", 403): _from_elsewhere,
    ("tokens_create", 415): _as_json,
    ("tokens_create", 429): _logged_in_often,
    ("tokens_create", 503): _with(LOGIN),
    ("admin_accounts_index", 429): _without_token,
    ("admin_checks_index", 429): _without_token,
    ("admin_stats_show", 429): _without_token,
    ("metrics_summary_show", 401): _closed_summary,
    ("metrics_summary_show", 429): _asked_often,
    ("access_keys_create", 409): _keys_full,
    ("access_keys_change", 409): _own_key,
    ("access_keys_delete", 409): _last_key,
    ("acknowledgements_create", 409): _not_down,
    ("bulk_create", 409): _with({"checks": [TAKEN]}),
    ("bulk_change", 409): _with({"checks": ["nobody"], "changes": {"grace_seconds": 60}}),
    ("bulk_delete", 409): _with({"checks": ["nobody"]}),
    ("channels_create", 409): _full,
    ("channels_change", 409): _with({"kind": "telegram"}),
    ("channels_test", 409): _off,
    ("channels_queue_test", 409): _off,
    ("channels_rotate_secret", 409): _unsigned,
    ("channels_assign_all", 409): _own_channel,
    ("channels_assign", 409): _own_channel,
    ("channels_unassign", 409): _own_channel,
    ("checks_create", 409): _with(TAKEN),
    ("checks_replace", 409): _with(TAKEN | {"channels": [999_999]}),
    ("checks_change", 409): _with({"schedule": "0 3 * * *"}),
    ("deliveries_resend", 409): _sent_already,
    **{(f"integrations_change_{name}", 409): _unready for name in KINDS},
    ("integrations_test", 409): _off,
    ("integrations_queue_test", 409): _off,
    ("status_pages_create", 409): _with({"name": "Another", "slug": PAGE}),
    ("status_pages_replace", 409): _page_slug_taken,
    ("status_pages_change", 409): _with({"entries": [{"check": 999_999}]}),
    ("check_slug_show", 200): _with(query="?slug=free"),
    ("check_slug_show", 400): _with(),
    ("geoip_show", 200): _with(query="?ip=203.0.113.5"),
    ("geoip_show", 409): _with(),  # a test's client has no address of its own
    ("transfer_import_account", 409): _busy,
    ("user_change_slugs", 409): _by_two,
    ("user_end_former_slug", 409): _renaming,
    ("user_unlink_telegram", 204): _linked,
    ("user_unlink_telegram", 409): _with(),
    ("user_check_slugs", 204): _with(query="?slug=free-name"),
    ("user_check_slugs", 409): _by_two,
}
"""What no rule produces: the state that a 409 needs, and queries without which nothing works."""


async def _as_described(app: Quart, said: dict[str, Any], answer: Response) -> None:
    """The answer is documented, has the shape it is said to have, and shows nothing that is not in the document."""
    shape = said["responses"].get(str(answer.status_code))
    name = f"{said['operationId']} {answer.status_code}"
    assert shape is not None, name
    content = shape.get("content", {})
    data = await answer.get_data(as_text=False)
    if "application/json" in content:
        assert answer.mimetype == "application/json", name
        found = json.loads(data)
        validator = jsonschema_rs.validator_for(
            _bundled(app, _closed(content["application/json"]["schema"])), validate_formats=True
        )
        assert [error.message for error in validator.iter_errors(found)] == [], name
    elif content:
        assert answer.mimetype in content, name
    else:
        assert data == b"", name
    if "ETag" in shape["headers"]:
        assert answer.headers["ETag"], name


def _bundled(app: Quart, schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with all it may refer to, closed: a field that the document doesn't name is an error."""
    components = {name: _closed(one) for name, one in document(app)["components"]["schemas"].items()}
    text = json.dumps(schema | {"$defs": components}).replace("#/components/schemas/", "#/$defs/")
    found: dict[str, Any] = json.loads(text)
    return found


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    plain = "properties" in schema and "additionalProperties" not in schema and "allOf" not in schema
    return schema | {"additionalProperties": False} if plain else schema


@asynccontextmanager
async def _served(settings: Settings) -> AsyncIterator[Quart]:
    app = create_app(settings)
    async with app.test_app():
        yield app


@asynccontextmanager
async def _limited(settings: Settings) -> AsyncIterator[Quart]:
    """The app where every limit is one."""
    rates = parse_limits(
        "api-key=1/3600,api-address=1/3600,new-account=1/3600,bulk=1/3600,account=1/3600,admin-login=1/3600,"
        "public-address=1/3600"
    )
    app = create_app(settings.model_copy(update={"rate_limits": rates}))
    async with app.test_app():
        yield app


@asynccontextmanager
async def _away(settings: Settings) -> AsyncIterator[Quart]:
    """The app after its Redis has gone."""
    app = create_app(settings)
    async with app.test_app(), open_store("unix:///nowhere/redis.sock") as nothing:
        current.set_store(app, nothing)
        set_summaries(app, Summaries(nothing, settings, Installation(nothing, None, settings)))
        yield app
