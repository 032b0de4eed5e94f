"""An account with something of everything, and one way to call every operation of the OpenAPI document on it."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from quart import Quart, Response

from tests.admins import MADE, make_admin
from tests.api.conftest import Caller, ask
from tests.conftest import MASTER_KEY
from ttr import current
from ttr.admin_tokens import Claims, sign
from ttr.api.openapi import Route, document, routes
from ttr.channels import KINDS
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.admin_families import open_family
from ttr.store.admins import read_admin
from ttr.store.deliveries import read_deliveries
from ttr.store.outbox import dispatch_entry, read_outbox
from ttr.store.redis import Store
from ttr.store.sessions import open_session
from ttr.store.users import create_user

# Nobody listens there, so a test message is refused at once.
HOOK = "http://127.0.0.1:9/hook"
SLUG = "nightly-backup"
PAGE = "night-shift"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class World:
    """The account's caller and what stands for each variable of a path."""

    api: Caller
    known: dict[str, str]
    check: dict[str, Any]
    token: str
    """An access token of an admin named ops, who is nobody's."""

    def opens(self, route: Route) -> str:
        """What opens a route: the account's key, or the admin's token."""
        return self.token if route.said.admin else self.api.key


async def make_world(app: Quart, store: Store) -> World:
    """An account with a check that has failed, its own channel, a shared one, a failed delivery, a former slug, and a
    status page of the check and a tag."""
    user, key = await create_user(store, now=now_ms(), master=MASTER_KEY)
    api = Caller(app.test_client(), user, key)
    status, channel = await api.call(
        "POST", "/channels", {"kind": "webhook", "webhook_url": HOOK, "default": True}
    )
    assert status == 201, channel
    check = await api.make(slug=SLUG, tags=["here"])
    await api.make(slug="billing-run")
    path = f"/checks/{check['id']}"
    own = {"slack_webhook_url": HOOK, "slack_enabled": True}
    assert (await api.call("PUT", f"{path}/slack", own))[0] == 200
    assert (
        await api.client.post(f"/p/{user.user_slug}/{SLUG}/fail", data=b"the end of it")
    ).status_code == 200
    events_max = {name: kind.events_max for name, kind in KINDS.items()}
    for entry in await read_outbox(store, user.partition, 10):
        await dispatch_entry(store, user.partition, entry, now_ms(), events_max)
    found, _ = await read_deliveries(store, user, size=10)
    delivery = next(one for one in found if one.channel_id == channel["id"])
    await store.redis.delete(keys.lane(user.partition, channel["id"]))
    await store.redis.hset(keys.delivery(user.partition, delivery.id), "state", "failed")
    former = f"before-{user.id}-it"
    for slug in (former, f"after-{user.id}-it"):
        assert (await api.call("POST", "/user/slug", {"slug": slug}))[0] == 200
    status, page = await api.call(
        "POST",
        "/status-pages",
        {
            "name": "The night shift's own page",
            "slug": PAGE,
            "notice": {"text": "pinned by its owner"},
            "entries": [{"heading": "Jobs"}, {"check": check["id"]}, {"tag": "here"}],
        },
    )
    assert status == 201, page
    status, second = await api.call("POST", "/user/keys", {"name": "Second"})
    assert status == 201, second
    await open_session(store, user, now_ms())
    _, (session,) = await api.call("GET", "/user/sessions")
    known = {
        "key": str(second["id"]),
        "session": session["id"],
        "check": str(check["id"]),
        "channel": str(channel["id"]),
        "delivery": delivery.id,
        "page": str(page["id"]),
        "number": "1",
        "kind": "slack",
        "slug": former,
    }
    return World(api, known, (await api.call("GET", path))[1], await _token(app, store))


async def _token(app: Quart, store: Store) -> str:
    admin = await read_admin(store, "ops") or await make_admin(store)
    family, token_id = await open_family(store, admin, now=MADE, seconds=3_600, address="")
    async with app.app_context():
        secret = current.settings().signing_key
    return sign(secret, "access", Claims("ops", family, token_id), now=now_ms(), seconds=600)


async def call(
    app: Quart,
    route: Route,
    *,
    variables: dict[str, str],
    key: str | None,
    body: Any = None,
    raw: bytes | None = None,
    query: str = "",
    **headers: str,
) -> Response:
    """One call of a route; `body` is sent as JSON, or as the form that the route takes, `raw` as it is.

    `key` goes where the route wants an access key or an admin's token.
    """
    path = re.sub(r"\{(\w+)\}", lambda found: variables[found[1]], route.path)
    sent = {}
    if key:
        sent = {"Authorization": f"Bearer {key}"} if route.said.admin else {"X-Auth-Key": key}
    data = raw if raw is not None else b""
    if body is not None:
        data = (urlencode(body) if route.said.encoded else json.dumps(body)).encode()
    if data:
        sent["Content-Type"] = FORM if route.said.encoded else "application/json"
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(app.test_client(), route.method, path + query, data, sent)


def operations(app: Quart) -> list[tuple[Route, dict[str, Any]]]:
    """Every route with what the document says of it."""
    paths = document(app)["paths"]
    found = [(route, paths[route.path][route.method.lower()]) for route in routes(app)]
    assert len(found) > 40
    return found


def examples(app: Quart, said: dict[str, Any]) -> list[Any]:
    """The examples of an operation's body of JSON or fields, at least one if it takes one."""
    formats = said.get("requestBody", {}).get("content", {})
    content = formats.get("application/json") or formats.get(FORM)
    if content is None:
        return []
    found = [one["value"] for one in content.get("examples", {}).values()]
    found = found or resolved(app, content["schema"]).get("examples", [])
    assert found, f"{said['operationId']} has no example"
    return found


def resolved(app: Quart, schema: dict[str, Any]) -> dict[str, Any]:
    """A schema, looked up if it is a reference."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        found: dict[str, Any] = document(app)["components"]["schemas"][name]
        return found
    return schema
