"""Two accounts never see anything of each other: every route is called with a stranger's key and the owner's names."""

import json
from typing import Any

from quart import Quart

from tests.api.world import World, call, examples, make_world, operations
from ttr.api.openapi import Route
from ttr.store.redis import Store


async def test_a_stranger_gets_nothing_and_changes_nothing(app: Quart, store: Store) -> None:
    owner = await make_world(app, store)
    before = await _everything(owner)
    secret = _names(owner, before)
    for route, said in operations(app):
        if route.said.storeless:
            continue
        for names in _named(owner):
            for body in [*examples(app, said), _sent_by_name(names)] if "requestBody" in said else [None]:
                # A world for each call: the stranger may well change what is the stranger's own.
                stranger = await make_world(app, store) if _writes(route) else None
                key = stranger.api.key if stranger else (await make_world(app, store)).api.key
                answer = await call(app, route, variables=names, key=key, body=body)
                text = await answer.get_data(as_text=True)
                if _names_owner(route):
                    assert answer.status_code in (400, 404, 409), (route.name, names, text)
                assert answer.status_code < 500, (route.name, text)
                for word in secret:
                    assert word not in text, (route.name, names, word)
    assert await _everything(owner) == before


async def test_a_strangers_lists_are_empty_of_the_owners(app: Quart, store: Store) -> None:
    owner, stranger = await make_world(app, store), await make_world(app, store)
    secret = _names(owner, await _everything(owner))
    for path in (
        "/checks?q=nightly",
        "/checks?tag=here",
        "/checks/tags",
        "/checks/stats",
        "/channels",
        "/status-pages",
    ):
        status, seen = await stranger.api.call("GET", path)
        assert status == 200, (path, seen)
        text = json.dumps(seen)
        assert not [word for word in secret if word in text], path
        if "?" in path:
            status, seen = await owner.api.call("GET", path)
            assert status == 200, (path, seen)
            assert owner.check["uuid"] in {check["uuid"] for check in seen["items"]}, path


def _named(owner: World) -> list[dict[str, str]]:
    """The owner's things by each of their names. A slug is a name inside an account: a stranger may have the same."""
    return [owner.known, owner.known | {"check": owner.check["uuid"]}]


def _names_owner(route: Route) -> bool:
    """Whether a variable of the path names something that only one account has."""
    return bool({"check", "channel", "delivery", "slug", "page"} & set(route.variables))


def _writes(route: Route) -> bool:
    return route.method != "GET"


def _sent_by_name(names: dict[str, str]) -> dict[str, Any]:
    """A body that names the owner's check and channel wherever one may."""
    return {
        "checks": [int(names["check"]) if names["check"].isdigit() else names["check"]],
        "channels": [int(names["channel"])],
        "changes": {"name": "Taken over", "channels": [int(names["channel"])]},
        "name": "Taken over",
        "interval_seconds": 60,
        "grace_seconds": 60,
        "paused": True,
        "slug": names["slug"],
        "passphrase": "a stranger's passphrase",
        "entries": [{"check": int(names["check"])}] if names["check"].isdigit() else None,
        "check_ids": [int(names["check"])] if names["check"].isdigit() else None,
    }


def _names(owner: World, before: dict[str, Any]) -> set[str]:
    """What only the owner knows."""
    me = before["/user/me"][1]
    return {
        owner.check["uuid"],
        owner.api.key,
        owner.known["delivery"],
        me["user_slug"],
        me["public_slug"],
        "the end of it",
        before["/status-pages"][1][0]["uuid"],
    }


async def _everything(world: World) -> dict[str, Any]:
    """All that the owner sees of the account."""
    check = world.known["check"]
    paths = [
        "/user/me",
        "/checks",
        "/checks/tags",
        "/channels",
        "/deliveries",
        "/status-pages",
        f"/checks/{check}",
    ]
    paths += [f"/checks/{check}/{below}" for below in ("pings", "flips", "content", "deliveries")]
    seen = {path: await world.api.call("GET", path) for path in paths}
    assert all(status == 200 for status, _ in seen.values())
    return seen
