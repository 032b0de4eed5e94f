"""An account with something of everything, and one way to call every operation of the OpenAPI document on it."""

import json
import re
from dataclasses import dataclass
from typing import Any

from quart import Quart, Response

from tests.api.conftest import Caller, ask
from tests.conftest import MASTER_KEY
from ttr.api.openapi import Route, document, routes
from ttr.channels import KINDS
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.deliveries import read_deliveries
from ttr.store.outbox import dispatch_entry, read_outbox
from ttr.store.redis import Store
from ttr.store.users import create_user

# Nobody listens there, so a test message is refused at once.
HOOK = "http://127.0.0.1:9/hook"
SLUG = "nightly-backup"
PAGE = "night-shift"


@dataclass(frozen=True)
class World:
    """The account's caller and what stands for each variable of a path."""

    api: Caller
    known: dict[str, str]
    check: dict[str, Any]


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
    known = {
        "check": str(check["id"]),
        "channel": str(channel["id"]),
        "delivery": delivery.id,
        "page": str(page["id"]),
        "number": "1",
        "kind": "slack",
        "slug": former,
    }
    return World(api, known, (await api.call("GET", path))[1])


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
    """One call of a route; `body` is sent as JSON, `raw` as it is."""
    path = re.sub(r"\{(\w+)\}", lambda found: variables[found[1]], route.path)
    sent = {"X-Auth-Key": key} if key else {}
    data = raw if raw is not None else b""
    if body is not None:
        data = json.dumps(body).encode()
    if data:
        sent["Content-Type"] = "application/json"
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(app.test_client(), route.method, path + query, data, sent)


def operations(app: Quart) -> list[tuple[Route, dict[str, Any]]]:
    """Every route with what the document says of it."""
    paths = document(app)["paths"]
    found = [(route, paths[route.path][route.method.lower()]) for route in routes(app)]
    assert len(found) > 40
    return found


def examples(app: Quart, said: dict[str, Any]) -> list[Any]:
    """The examples of an operation's JSON body, at least one if it takes one."""
    content = said.get("requestBody", {}).get("content", {}).get("application/json")
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
