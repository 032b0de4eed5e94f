"""An account with a thing of every kind, and a hostile text in every place that takes one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from itsdangerous import URLSafeSerializer
from quart import Quart
from werkzeug.datastructures import FileStorage, Headers

from tests.api.conftest import Caller
from tests.attacks.poison import SHAPES, Poison
from tests.conftest import MASTER_KEY
from tests.lua.parts import draft
from tests.web.conftest import Visitor, text
from tests.web.sent import put_delivery
from ttr.channels import KINDS
from ttr.domain import limits
from ttr.domain.alert import Event
from ttr.domain.links import address_number
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.channels import create_channel
from ttr.store.checks import get_check
from ttr.store.deliveries import read_deliveries
from ttr.store.outbox import dispatch_entry, read_outbox
from ttr.store.redis import Store
from ttr.store.sessions import AGENT_MAX, by_key, open_session
from ttr.store.users import User, create_user, digest

PUBLISHED = '"><b evil>on the page'
"""The tag of the one check that is published by its tag."""
UNPUBLISHED = 4
"""Checks that are on no page that is listed, and that nobody else knows of."""
_RUN = "0123abcd-0123-4567-89ab-0123456789ab"


@dataclass(frozen=True)
class Account:
    """Somebody with a browser and a key; `names` are the account's things by the names that addresses give them."""

    visitor: Visitor
    api: Caller
    names: dict[str, str]
    secrets: frozenset[str]
    """What nobody else may ever see: keys, addresses that ping, what jobs sent, where alerts go, who is told."""


async def make_account(
    app: Quart, store: Store, settings: Settings, poison: Poison, *, checks: int = len(SHAPES) // 2
) -> Account:
    """A new account with all of it, and as many further checks: of each two shapes fit into its name."""
    now = now_ms()
    user, key = await create_user(store, now=now, master=MASTER_KEY)
    api = Caller(app.test_client(), user, key)
    visitor = Visitor(app.test_client(), user=user)
    assert (await visitor.post("/login", auth_key=key)).status_code == 303
    # A further key and a further session, which may be ended without an end of what asks for that.
    status, spare = await api.call("POST", "/user/keys", {"name": poison.text("name of a key", 60)})
    assert status == 201, spare
    second = Visitor(app.test_client())
    assert (await second.post("/login", auth_key=key)).status_code == 303
    await _browsers(store, user, key, poison)
    mark = f"priv8-{user.id}"  # in every word that is nobody else's
    hook = f"http://127.0.0.1:9/{mark}-hook?%22%3E%3Cimg%20evil%20src=x%20onerror=hit(0)%3E&'onload=hit(0)"

    channels = await _channels(api, poison, hook, mark)
    inbox = await _inbox(store, api, poison, f"{mark}@ttr.example")
    rich = await api.make(
        name=poison.text("name of the first check", limits.NAME_MAX),
        slug=f"{mark}-job",
        tags=[PUBLISHED, *(poison.text("tag", limits.TAG_MAX, ",") for _ in range(limits.TAGS_MAX - 1))],
        description=poison.every("description")[: limits.DESCRIPTION_MAX],
        expected_content=poison.text("content rule", 900),
        expected_content_type="absent",
        max_runtime_seconds=3_600,
        channels=[channels["webhook"], channels["telegram"]],
        remind_every_minutes=5,
    )
    own = {"slack_webhook_url": hook, "slack_enabled": True}
    assert (await api.call("PUT", f"/checks/{rich['id']}/slack", own))[0] == 200
    many = [
        await api.make(
            name=f"{mark} {place}"
            if place < UNPUBLISHED
            else poison.text("name of a check", limits.NAME_MAX),
            tags=[poison.text("tag of a check", limits.TAG_MAX, ",")],
        )
        for place in range(UNPUBLISHED + checks)
    ]
    address = f"/p/{user.user_slug}/{rich['slug']}"
    body = f"{mark} body\n{poison.every('body of a ping')}".encode()
    for path, method, agent in (
        ("/start", "GET", poison.text("user agent", limits.USER_AGENT_MAX)),
        ("/fail", "POST", poison.text("user agent", limits.USER_AGENT_MAX)),
        ("/log", "PUT", poison.text("user agent", limits.USER_AGENT_MAX)),
        ("/fail", "<b evil>", "curl/8.5.0"),
        ("/137", "POST", "\x00\x1b[31m\xff"),
    ):
        headers = Headers({"User-Agent": agent.encode("utf-8", "replace").decode("latin-1")})
        headers.add("CF-IPCountry", "<b evil>")
        headers.add("X-Forwarded-For", '"><b evil>')
        await api.client.open(
            f"{address}{path}?rid={_RUN}",
            method=method,
            data=b"" if method == "GET" else body,
            headers=headers,
        )
    for check in many:
        await api.client.post(f"/p/{user.user_slug}/{check['uuid']}/fail", data=body)
    await _deliver(store, api, poison, rich["id"], channels["webhook"])

    page = await _status_pages(api, poison, rich["id"], [check["id"] for check in many], mark)
    former = user.user_slug
    slugs = {"user_slug": f"{mark}-pings", "public_slug": f"all-{user.id}"}
    for slug in (slugs["user_slug"] + "-once", slugs["user_slug"]):
        assert (await api.call("POST", "/user/slug", {"slug": slug}))[0] == 200
    assert (await api.call("POST", "/user/slug", {"public_slug": slugs["public_slug"]}))[0] == 200
    upload = await _upload(visitor, poison)

    def signed(purpose: str, *numbers: int) -> str:
        return str(URLSafeSerializer(settings.signing_key, salt=f"ttr.{purpose}").dumps([user.id, *numbers]))

    reader = address_number(f"{mark}@ttr.example")
    down_since = (await get_check(store, user, str(rich["id"]))).status_since
    names = {
        **slugs,
        "check": str(rich["id"]),
        "check_id": str(rich["id"]),
        "check_slug": rich["slug"],
        "check_uuid": rich["uuid"],
        "other_check": str(many[0]["id"]),
        "channel": str(channels["webhook"]),
        "channel_id": str(channels["webhook"]),
        "inbox": str(inbox),
        "delivery": f"d{user.id}",
        "delivery_id": f"d{user.id}",
        "page": str(page),
        "page_id": str(page),
        "page_slug": "public",
        "former_slug": former,
        "number": "2",
        "kind": "slack",
        "form": "svg",
        "upload": upload,
        "user_id": str(user.id),
        "key_id": str(spare["id"]),
        "session_id": digest(_cookie(second))[:16],
        "acknowledge": signed("acknowledge", rich["id"], down_since),
        "unsubscribe": signed("unsubscribe", inbox, reader),
        "confirm": signed("confirm", inbox, reader),
    }
    me = (await api.call("GET", "/user/me"))[1]
    secrets = {key, mark, former, rich["uuid"], me["user_slug"], *(check["uuid"] for check in many)}
    secrets |= {names["unsubscribe"], names["confirm"], names["acknowledge"], "127.0.0.1:9"}
    return Account(visitor, api, names, frozenset(secrets))


async def _browsers(store: Store, user: User, key: str, poison: Poison) -> None:
    """Sessions of browsers that call themselves so, the first with a name that a hint could be made of."""
    for before in ("Mozilla/5.0 Firefox/140.0 ", "", ""):
        agent = before + poison.text("agent of a browser", AGENT_MAX - len(before))
        await open_session(
            store, user, now_ms(), opened_by=by_key(digest(key)), address="192.0.2.7", agent=agent
        )


def cookie_of(account: Account) -> str:
    """The session's id in the account's browser."""
    return _cookie(account.visitor)


def _cookie(visitor: Visitor) -> str:
    jar = visitor.client.cookie_jar
    return next(str(cookie.value) for cookie in jar if cookie.name == "ttr_session")


async def _channels(api: Caller, poison: Poison, hook: str, mark: str) -> dict[str, int]:
    """One of each kind that can be made without a mail server."""
    given: Mapping[str, Mapping[str, Any]] = {
        "webhook": {"webhook_url": hook},
        "slack": {"slack_webhook_url": hook},
        "discord": {"discord_webhook_url": hook},
        "telegram": {"telegram_bot_token": f"12345:{mark}", "telegram_chat_id": "-100123"},
    }
    assert given.keys() | {"email"} == KINDS.keys(), "a new kind of channel belongs here"
    made = {}
    for kind, fields in given.items():
        name = poison.text(f"name of the {kind} channel", limits.NAME_MAX)
        status, answer = await api.call(
            "POST", "/channels", {"kind": kind, "name": name, "default": True, **fields}
        )
        assert status == 201, answer
        made[kind] = answer["id"]
    return made


async def _inbox(store: Store, api: Caller, poison: Poison, address: str) -> int:
    """An e-mail channel that is on, whatever the operator has set up."""
    wanted = draft(
        kind="email",
        name=poison.text("name of the e-mail channel", limits.NAME_MAX),
        settings={"email_address": address},
        sealed="",
        has=frozenset(),
        destination="email-1",
    )
    number = await create_channel(store, api.user, wanted, own_check=None, now=now_ms(), most=100)
    assert number is not None
    return number


async def _deliver(store: Store, api: Caller, poison: Poison, check: int, channel: int) -> None:
    """What the failures made, and a delivery whose service answered with hostile text."""
    user = api.user
    events_max = {name: kind.events_max for name, kind in KINDS.items()}
    for entry in await read_outbox(store, user.partition, 100):
        await dispatch_entry(store, user.partition, entry, now_ms(), events_max)
    found, _ = await read_deliveries(store, user, size=10)
    assert found
    now = now_ms()
    event = Event(
        "7-3-1",
        "down",
        now,
        check,
        poison.text("check's name in a delivery", limits.NAME_MAX),
        reason="content",
        reason_detail=poison.text("detail of an event", 200),
        description=poison.every("description in a delivery"),
        output=poison.every("output in a delivery"),
        failure_count=1,
    )
    await put_delivery(
        store,
        user,
        f"d{user.id}",
        [event],
        channel=channel,
        name=poison.text("channel's name in a delivery", limits.NAME_MAX),
        state="failed",
        attempts=[[now, "failed", "server_error", 500, 12, poison.text("answer of a service", 300), None]],
    )


async def _status_pages(api: Caller, poison: Poison, rich: int, many: list[int], mark: str) -> int:
    """A public page full of hostile text, an unlisted one, and one that is off; the number of the first."""
    entries: list[dict[str, object]] = [{"heading": poison.text("heading", limits.NAME_MAX)}, {"check": rich}]
    entries += [{"check": number} for number in many[UNPUBLISHED:]]
    entries += [
        {"heading": poison.text("heading", limits.NAME_MAX)},
        {"tag": PUBLISHED},
    ]
    pages = [
        ("public", poison.text("title of a page", limits.NAME_MAX), "public"),
        ("hidden", f"{mark} not listed", "unlisted"),
        ("nowhere", f"{mark} switched off", "off"),
    ]
    made = []
    for slug, name, visibility in pages:
        shown = visibility == "public"
        status, page = await api.call(
            "POST",
            "/status-pages",
            {
                "name": name,
                "slug": slug,
                "visibility": visibility,
                "intro": (poison.markdown("intro") + poison.every("intro"))[: limits.STATUS_PAGE_INTRO_MAX],
                "notice": {"text": poison.markdown("notice")[: limits.STATUS_PAGE_NOTICE_MAX]},
                "entries": entries if shown else [{"check": many[0]}],
            },
        )
        assert status == 201, page
        made.append(page["id"])
    return int(made[0])


async def _upload(visitor: Visitor, poison: Poison) -> str:
    """An account file that waits to be imported; its id."""
    answer = await visitor.client.post(
        "/account/import",
        form={"csrf_token": visitor.token or await _token(visitor)},
        files={"file": FileStorage(BytesIO(account_file(poison)), filename='"><b evil>.json')},
    )
    page = await text(answer)
    assert answer.status_code == 200, page
    return page.partition('name="upload" value="')[2].partition('"')[0]


async def _token(visitor: Visitor) -> str:
    await visitor.post("/appearance")
    return visitor.token


def account_file(poison: Poison) -> bytes:
    """A file of an account with hostile text where it may have any."""
    check = {"schedule_type": "interval", "interval_seconds": 60, "grace_seconds": 60}
    checks = [
        {**check, "name": poison.text("name in a file", limits.NAME_MAX), "slug": f"from-file-{n}"}
        for n in range(8)
    ]
    return json.dumps({"version": 1, "checks": checks}).encode()
