"""Status pages as everybody sees them: who sees what, what is never in them, and how they are kept by caches."""

import asyncio
import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from quart import Quart

from tests.conftest import MASTER_KEY
from tests.lua.parts import FLAPS, make_channel
from tests.lua.parts import settings as check_settings
from tests.web.conftest import HTMX, Visitor, text
from ttr import accounts
from ttr.app import create_app
from ttr.domain.allowance import parse_limits
from ttr.domain.check import Check
from ttr.domain.status_page import Entry, Layout, Notice, StatusPage, StatusPageSettings
from ttr.now import now_ms
from ttr.security_headers import PUBLIC_PAGES
from ttr.settings import Settings
from ttr.store.checks import create_check, delete_check, pause_check, update_check
from ttr.store.deadlines import tick_clock
from ttr.store.ping_log import PingEntry
from ttr.store.pings import Kept, Plan, Target, record_ping
from ttr.store.redis import Store
from ttr.store.status_pages import create_status_page, delete_status_page, update_status_page
from ttr.store.users import User, create_user, digest
from ttr.web import copies, public_pages
from ttr.web.public_reply import HTML, Packed, pack, whole

pytestmark = pytest.mark.usefixtures("nothing_is_kept")

KINDS = ("", "?layout=cards", "?layout=grid", "?layout=timeline", "/live", "/data", "/summary.txt")
SECRETS = {
    "description": "d3scription-secret",
    "body": "b0dy-secret",
    "agent": "ag3nt-secret/1.0",
    "address": "198.51.100.77",
    "rule": "rul3-secret",
    "slug": "ch3ck-slug-secret",
    "detail": "d3tail-secret",
    "channel": "chann3l-secret",
}


@pytest.fixture
async def user(store: Store, account: tuple[User, str]) -> User:
    await tick_clock(store, now_ms())
    return account[0]


async def check_of(store: Store, user: User, name: str = "Nightly backup", **changes: Any) -> Check:
    wanted = check_settings(name=name, **changes)
    return await create_check(store, user, wanted, now=now_ms(), most=1_000)


async def page_of(store: Store, user: User, *entries: Entry, **changes: Any) -> StatusPage:
    wanted = StatusPageSettings(**{"name": "Production", "slug": "prod", "entries": entries, **changes})
    return await create_status_page(store, user, wanted, now=now_ms(), most=100)


async def ping(store: Store, user: User, check: Check, kind: str, **more: Any) -> None:
    entry = PingEntry(at=now_ms(), kind=kind, method="POST", **more)
    plan = Plan(check.id, check.revision, check.settings.schedule, None, False)
    target = Target(user.id, user.user_slug, None, check.address, plan)
    if not check.settings.slug:
        target = Target(user.id, user.user_slug, check.id, "", plan)
    await record_ping(
        store,
        target,
        entry,
        request_id=f"{kind}{now_ms()}",
        due=now_ms() + 60_000,
        body=SECRETS["body"].encode(),
        kept=Kept(100, 10_000, 100_000),
        flap=FLAPS,
    )


def of(check: Check) -> Entry:
    return Entry("check", str(check.id))


async def test_a_page_shows_its_checks_in_their_groups_and_layouts(
    store: Store, user: User, visitor: Visitor
) -> None:
    first, second = await check_of(store, user), await check_of(store, user, "Web shop", tags=("web",))
    await check_of(store, user, "Not on the page")
    await page_of(
        store, user, Entry("heading", "At night"), of(first), Entry("heading", "All day"), of(second)
    )
    for layout, mark in (("cards", "public-card panel"), ("grid", "tile "), ("timeline", "line__node")):
        page = await visitor.read(f"/s/{user.public_slug}/prod?layout={layout}")
        found = re.findall(r"<h[23][^>]*><bdi>([^<]+)</bdi></h[23]>", page)
        assert found == ["At night", "Nightly backup", "All day", "Web shop"]
        assert page.count(f'class="{mark}') == 2
        assert f'?layout={layout}" aria-current="true"' in page
        assert "Not on the page" not in page
        assert "Waiting for the first signal" in page


async def test_the_owners_layout_is_the_default_and_nonsense_is_none(
    store: Store, user: User, visitor: Visitor
) -> None:
    await page_of(
        store, user, of(await check_of(store, user)), layout="timeline", theme="arcade", scheme="light"
    )
    for path in ("prod", "prod?layout=", "prod?layout=<script>", "prod?x=y"):
        page = await visitor.read(f"/s/{user.public_slug}/{path}")
        assert "line__node" in page
        assert '<html lang="en" data-theme="arcade" data-scheme="light">' in page


async def test_a_tag_stands_for_the_checks_that_carry_it_by_name(
    store: Store, user: User, visitor: Visitor
) -> None:
    for name in ("b two", "a one", "c three"):
        await check_of(store, user, name, tags=("db",))
    await check_of(store, user, "other", tags=("web",))
    await page_of(store, user, Entry("tag", "db"), Entry("tag", "no such tag"))
    data = json.loads(await visitor.read(f"/s/{user.public_slug}/prod/data"))
    assert [check["name"] for check in data["checks"]] == ["a one", "b two", "c three"]
    late = await check_of(store, user, "a later", tags=("db",))
    data = json.loads(await visitor.read(f"/s/{user.public_slug}/prod/data"))
    assert [check["name"] for check in data["checks"]] == ["a later", "a one", "b two", "c three"]
    await delete_check(store, user, str(late.id))
    assert "a later" not in await visitor.read(f"/s/{user.public_slug}/prod")


async def test_who_sees_a_page(store: Store, user: User, visitor: Visitor) -> None:
    check = await check_of(store, user)
    for visibility in ("public", "unlisted", "off"):
        await page_of(
            store, user, of(check), slug=visibility, name=f"The {visibility} one", visibility=visibility
        )
    base = f"/s/{user.public_slug}"
    shown = await visitor.get(f"{base}/public")
    assert shown.status_code == 200
    assert "X-Robots-Tag" not in shown.headers
    assert 'name="robots"' not in await text(shown)
    hidden = await visitor.get(f"{base}/unlisted")
    assert hidden.status_code == 200
    assert hidden.headers["X-Robots-Tag"] == "noindex"
    assert '<meta name="robots" content="noindex">' in await text(hidden)
    for kind in KINDS:
        response = await visitor.get(f"{base}/off{kind}")
        assert response.status_code == 404
    index = await visitor.read(base)
    assert "The public one" in index
    assert "The unlisted one" not in index
    assert "The off one" not in index


async def test_one_cannot_tell_what_is_off_from_what_is_not_there(
    store: Store, user: User, visitor: Visitor
) -> None:
    await page_of(store, user, visibility="off")
    answers = set()
    for path in (
        f"{user.public_slug}/prod",
        f"{user.public_slug}/none",
        "nobody/prod",
        f"{user.public_slug}",
        "nobody",
    ):
        response = await visitor.get(f"/s/{path}")
        assert response.status_code == 404
        body = re.sub(r'content="\d+"', "", await text(response))
        answers.add((body, response.headers["Cache-Control"], response.content_type))
    assert len(answers) == 1


async def test_the_ping_slug_answers_too_and_is_shown_nowhere(
    store: Store, user: User, visitor: Visitor
) -> None:
    await page_of(store, user, of(await check_of(store, user)))
    for kind in KINDS:
        mine = await visitor.get(f"/s/{user.user_slug}/prod{kind}")
        assert mine.status_code == 200
        assert user.user_slug not in await text(mine)
        assert user.user_slug not in str(mine.headers)
    assert f'rel="canonical" href="/s/{user.public_slug}/prod"' in await visitor.read(
        f"/s/{user.user_slug}/prod"
    )
    assert user.user_slug not in await visitor.read(f"/s/{user.user_slug}")


async def test_no_public_answer_holds_any_secret_of_its_account(
    store: Store, account: tuple[User, str], user: User, visitor: Visitor
) -> None:
    channel = await make_channel(store, user, name=SECRETS["channel"])
    check = await check_of(
        store,
        user,
        slug=SECRETS["slug"],
        description=SECRETS["description"],
        tags=("db",),
        channels=(channel.id,),
    )
    unnamed = await check_of(store, user, "Second", tags=("db",))
    page = await page_of(
        store, user, of(check), Entry("tag", "db"), notice=Notice("info", "Hello", now_ms()), intro="Hi"
    )
    for one in (check, unnamed):
        for kind in ("start", "success", "fail"):
            await ping(
                store,
                user,
                one,
                kind,
                address=SECRETS["address"],
                user_agent=SECRETS["agent"],
                reason="fail" if kind == "fail" else "",
                detail=SECRETS["detail"],
                rid="0b7c9d5e-1f2a-4b3c-8d4e-5f60718293a4",
            )
    secrets = [
        *SECRETS.values(),
        *(user.user_slug, account[1], user.data_key, digest(account[1])),
        *(check.uuid, unnamed.uuid, page.uuid, "0b7c9d5e", "/p/", "/ping/", page.revision),
    ]
    seen = []
    for kind in ("", *KINDS):
        response = await visitor.get(f"/s/{user.public_slug}/prod{kind}")
        seen.append(await text(response) + str(response.headers))
    seen.append(await visitor.read(f"/s/{user.public_slug}"))
    assert all("Nightly backup" in one or "Production" in one for one in seen)
    assert [secret for secret in secrets for one in seen if secret in one] == []


async def test_names_and_words_of_owners_are_never_markup(store: Store, user: User, visitor: Visitor) -> None:
    evil = '"><script>alert(1)</script>'
    check = await check_of(store, user, evil, tags=(evil.replace(",", ""),))
    await page_of(
        store,
        user,
        Entry("heading", evil),
        of(check),
        name=evil,
        intro=evil,
        notice=Notice("outage", evil, now_ms()),
    )
    for kind in KINDS:
        response = await visitor.get(f"/s/{user.public_slug}/prod{kind}")
        if response.content_type.startswith("text/html"):
            assert "<script>alert" not in await text(response)
        else:
            assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_public_answers_can_be_kept_by_anybody(store: Store, user: User, owner: Visitor) -> None:
    await page_of(store, user, of(await check_of(store, user)))
    for kind in KINDS:
        # The owner's own browser, with its cookies, gets what everybody gets.
        response = await owner.get(f"/s/{user.public_slug}/prod{kind}")
        assert "Set-Cookie" not in response.headers
        assert response.headers["Cache-Control"] == "public, max-age=5"
        assert response.headers["Vary"] == "Accept-Encoding"
        assert response.headers["Content-Security-Policy"] == PUBLIC_PAGES["Content-Security-Policy"]
        assert "csrf_token" not in await text(response)
        tag = response.headers["ETag"]
        same = await owner.client.get(
            f"/s/{user.public_slug}/prod{kind}", headers={"If-None-Match": f'"x", {tag}'}
        )
        assert (same.status_code, await text(same), same.headers["ETag"]) == (304, "", tag)
    assert "unsafe" not in PUBLIC_PAGES["Content-Security-Policy"]
    assert "script-src 'self'" in PUBLIC_PAGES["Content-Security-Policy"]


async def test_data_can_be_read_by_other_sites_pages(store: Store, user: User, visitor: Visitor) -> None:
    await page_of(store, user)
    for kind in ("/data", "/summary.txt"):
        response = await visitor.get(f"/s/{user.public_slug}/prod{kind}")
        assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in (await visitor.get(f"/s/{user.public_slug}/prod")).headers


async def test_nothing_that_a_visitor_sends_is_kept_for_others(
    app: Quart, store: Store, user: User, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "FRESH_MS", 60_000)
    await page_of(store, user, of(await check_of(store, user)))
    for path in ("", "/prod", "/prod/live", "/prod/data", "/prod/summary.txt", "/prod/badge.json"):
        for number in range(3):
            evil = {
                "Host": f"evil{number}.example",
                "X-Forwarded-Host": "evil.example",
                "Accept-Language": "xx",
            }
            at = f"/s/{user.public_slug}{path}?x=evil{number}"
            assert "evil" not in await text(await visitor.client.get(at, headers=evil))
    (made,) = [copy.value for copy in app.extensions["ttr_status_pages"]._copies.values()]
    assert len(made.written) == 4


async def test_compressed_or_not_it_is_the_same(store: Store, user: User, visitor: Visitor) -> None:
    await page_of(store, user, of(await check_of(store, user)))
    path = f"/s/{user.public_slug}/prod"
    plain = await visitor.client.get(path, headers={"Accept-Encoding": "identity"})
    packed = await visitor.client.get(path, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(await packed.get_data()) == await plain.get_data()


async def test_the_version_changes_with_what_is_shown_and_with_nothing_else(
    store: Store, user: User, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, other = await check_of(store, user), await check_of(store, user, "Not on the page")
    page = await page_of(store, user, of(check))
    path = f"/s/{user.public_slug}/prod"

    async def version() -> str:
        found = re.search(r"since=([0-9a-f]{16})", await visitor.read(path))
        assert found
        return found[1]

    now = now_ms() // 60_000 * 60_000 + 1_000
    monkeypatch.setattr("ttr.web.public_pages.now_ms", lambda: now)
    await tick_clock(store, now)
    before = await version()
    await ping(store, user, other, "success")
    assert await version() == before
    nothing = await visitor.get(f"{path}/live?since={before}")
    assert (nothing.status_code, await text(nothing)) == (204, "")
    await ping(store, user, check, "success")
    pinged = await version()
    assert pinged != before
    changed = await visitor.get(f"{path}/live?since={before}")
    assert changed.status_code == 200
    assert f"since={pinged}" in await text(changed)
    await update_status_page(store, user, page.id, lambda old: replace(old, intro="New words"), now=now)
    edited = await version()
    assert edited != pinged
    await pause_check(store, user, str(check.id), now=now)
    assert await version() != edited


async def test_two_processes_agree_on_the_version(
    store: Store, user: User, visitor: Visitor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page_of(store, user, of(await check_of(store, user)))
    now = now_ms()
    monkeypatch.setattr("ttr.web.public_pages.now_ms", lambda: now)
    other = create_app(settings)
    async with other.test_app():
        tags = {
            (await client.get(f"/s/{user.public_slug}/prod/data")).headers["ETag"]
            for client in (visitor.client, other.test_client())
        }
    assert len(tags) == 1


async def test_a_page_that_is_renamed_or_gone_is_so_at_once(
    store: Store, user: User, visitor: Visitor
) -> None:
    page = await page_of(store, user, of(await check_of(store, user)))
    path = f"/s/{user.public_slug}"
    assert (await visitor.get(f"{path}/prod")).status_code == 200
    renamed = await accounts.rename(store, user, user_slug=None, public_slug="acme-status", now=now_ms())
    assert (await visitor.get(f"{path}/prod")).status_code == 404
    assert (await visitor.get("/s/acme-status/prod")).status_code == 200
    await delete_status_page(store, renamed, page.id)
    assert (await visitor.get("/s/acme-status/prod")).status_code == 404
    await page_of(store, renamed, slug="next")
    assert (await visitor.get("/s/acme-status/next")).status_code == 200
    await accounts.delete_account(store, renamed, now=now_ms())
    assert (await visitor.get("/s/acme-status/next")).status_code == 404


async def test_a_former_ping_slug_shows_no_page(store: Store, user: User, visitor: Visitor) -> None:
    await page_of(store, user)
    await accounts.rename(store, user, user_slug="new-ping-slug", public_slug=None, now=now_ms())
    assert (await visitor.get(f"/s/{user.user_slug}/prod")).status_code == 404
    assert (await visitor.get("/s/new-ping-slug/prod")).status_code == 200


async def test_nobody_can_put_a_page_below_somebody_elses_name(
    store: Store, user: User, visitor: Visitor
) -> None:
    owner = await accounts.rename(store, user, user_slug=None, public_slug="acme", now=now_ms())
    other, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    other = await accounts.rename(store, other, user_slug="acme", public_slug=None, now=now_ms())
    await page_of(store, other, slug="theirs")
    for path in ("/s/acme/theirs", "/s/acme/theirs/data", "/s/acme"):
        assert (await visitor.get(path)).status_code == 404
    await page_of(store, owner, slug="mine")
    assert (await visitor.get("/s/acme/mine")).status_code == 200


async def test_the_badge_of_a_page(store: Store, user: User, visitor: Visitor) -> None:
    check, other = await check_of(store, user), await check_of(store, user, "Not on the page")
    await ping(store, user, other, "fail", reason="fail")
    page = await page_of(store, user, of(check))
    path = f"/s/{user.public_slug}/prod/badge"
    found = json.loads(await visitor.read(f"{path}.json"))
    assert (found["label"], found["message"], found["total"]) == ("Production", "new", 1)
    await ping(store, user, check, "success")
    picture = await visitor.get(f"{path}.svg?label=jobs")
    assert picture.headers["Cache-Control"] == "public, max-age=60"
    assert "jobs: all up" in await text(picture)
    assert (await visitor.get(f"{path}.svg?show=uptime")).status_code == 400
    off = replace(page.settings, visibility="off")
    await update_status_page(store, user, page.id, lambda _: off, now=now_ms())
    assert (await visitor.get(f"{path}.svg")).status_code == 404


async def test_somebody_elses_check_is_never_shown(store: Store, user: User, visitor: Visitor) -> None:
    stranger, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    theirs = await check_of(store, stranger, "Their check")
    mine = await check_of(store, user)
    page = await page_of(store, user, of(mine))
    # As a crash or a moved account might leave it.
    await store.redis.hset(
        f"ttr:{{{user.partition}}}:status-page:{page.id}",
        "entries",
        json.dumps([["check", str(theirs.id)], ["check", str(mine.id)], ["check", "999999"]]),
    )
    await store.redis.hincrby(f"ttr:{{{user.partition}}}:user:{user.id}", "version", 1)
    data = json.loads(await visitor.read(f"/s/{user.public_slug}/prod/data"))
    assert [check["name"] for check in data["checks"]] == ["Nightly backup"]


async def test_the_data_has_the_seeds_shape_and_more(store: Store, user: User, visitor: Visitor) -> None:
    check = await check_of(store, user, tags=("db",))
    await ping(store, user, check, "success", address=SECRETS["address"], country="LV")
    await page_of(store, user, of(check))
    data = json.loads(await visitor.read(f"/s/{user.public_slug}/prod/data"))
    assert data["overall_status"] == "up"
    assert data["counts"] == {"total": 1, "up": 1, "late": 0, "down": 0, "new": 0, "paused": 0, "running": 0}
    (one,) = data["checks"]
    for name in ("id", "name", "paused", "status", "last_ping", "last_duration_seconds", "interval_seconds"):
        assert name in one
    for name in ("grace_seconds", "schedule_type", "schedule", "created_at", "tags", "last_pings"):
        assert name in one
    assert one["tags"] == ["db"]
    assert len(one["daily_uptime"]) == 90
    assert one["uptime"].keys() == {"24h", "7d", "30d", "90d"}
    (last,) = one["last_pings"]
    assert last.keys() == {"timestamp", "kind", "country_code", "country_name", "connection_type"}
    assert (last["country_code"], last["country_name"]) == ("LV", "Latvia")


async def test_the_summary_is_plain_text(store: Store, user: User, visitor: Visitor) -> None:
    check = await check_of(store, user)
    await page_of(
        store, user, Entry("heading", "Night"), of(check), notice=Notice("outage", "Disk is full.", now_ms())
    )
    response = await visitor.get(f"/s/{user.public_slug}/prod/summary.txt")
    assert response.content_type == "text/plain; charset=utf-8"
    said = await text(response)
    assert said.startswith("Production\nWaiting for the first signal.\n")
    assert re.search(r"\n\nOutage, \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ:\nDisk is full.\n\n", said)
    assert said.endswith("\n\nNight\nnew      no data  Nightly backup, last signal never\n")
    assert "\n\n\n" not in said


def overall_of(data: str) -> str:
    return str(json.loads(data)["overall_status"])


async def test_the_line_about_all(store: Store, user: User, visitor: Visitor) -> None:
    check, other = await check_of(store, user), await check_of(store, user, "Other")
    page = await page_of(store, user)
    path = f"/s/{user.public_slug}/prod/data"

    async def line() -> Sequence[str]:
        found = re.search(r"<strong>([^<]+)</strong>", await visitor.read(f"/s/{user.public_slug}/prod"))
        assert found
        return overall_of(await visitor.read(path)), found[1]

    assert await line() == ("empty", "Nothing is watched here yet")
    both = StatusPageSettings("Production", "prod", entries=(of(check), of(other)))
    await update_status_page(store, user, page.id, lambda _: both, now=now_ms())
    assert await line() == ("new", "Waiting for the first signal")
    await ping(store, user, check, "success")
    assert await line() == ("up", "1 job is on time, 1 not started yet")
    await ping(store, user, other, "success")
    assert await line() == ("up", "All 2 jobs are on time")
    await ping(store, user, check, "fail", reason="fail")
    assert await line() == ("down", "1 of 2 jobs is down")
    await ping(store, user, other, "fail", reason="fail")
    assert await line() == ("down", "All 2 jobs are down")
    await pause_check(store, user, str(check.id), now=now_ms())
    assert await line() == ("down", "The job is down")
    await ping(store, user, other, "success")
    assert await line() == ("up", "The job is on time")
    await pause_check(store, user, str(other.id), now=now_ms())
    assert await line() == ("paused", "Everything is paused")


async def test_a_check_past_its_time_is_late_whatever_its_schedule(
    store: Store, user: User, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = await check_of(store, user, grace_seconds=3_600)
    await ping(store, user, check, "success")
    await page_of(store, user, of(check))
    path = f"/s/{user.public_slug}/prod/data"
    assert overall_of(await visitor.read(path)) == "up"
    # Nothing is written when it becomes late; the page finds out by itself.
    later = now_ms() + 61_000
    monkeypatch.setattr("ttr.web.public_pages.now_ms", lambda: later)
    await tick_clock(store, later)
    assert overall_of(await visitor.read(path)) == "late"


async def test_what_never_sent_a_signal_says_so_even_when_late(
    store: Store, user: User, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = await check_of(store, user, grace_seconds=3_600)
    await page_of(store, user, of(check))
    later = now_ms() + 120_000
    monkeypatch.setattr("ttr.web.public_pages.now_ms", lambda: later)
    await tick_clock(store, later)
    shown = await visitor.read(f"/s/{user.public_slug}/prod")
    assert 'data-status="late"' in shown
    assert "none yet" in shown
    assert "New since" not in shown
    for layout in ("grid", "timeline"):
        assert "no signal yet" in await visitor.read(f"/s/{user.public_slug}/prod?layout={layout}")


async def test_a_silent_clock_is_told(store: Store, user: User, visitor: Visitor) -> None:
    await page_of(store, user, of(await check_of(store, user)))
    assert "Nobody looks" not in await visitor.read(f"/s/{user.public_slug}/prod")
    await tick_clock(store, now_ms() - 60_000)
    assert "Nobody looks for missing signals" in await visitor.read(f"/s/{user.public_slug}/prod")


async def test_more_checks_than_a_page_shows_are_counted(
    store: Store, user: User, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("ttr.published", "ttr.store.published"):
        monkeypatch.setattr(f"{module}.STATUS_PAGE_CHECKS_MAX", 3)
    monkeypatch.setattr("ttr.store.published._TAGGED", 2)
    checks = [await check_of(store, user, f"Job {number}", tags=("db",)) for number in range(5)]
    for entries, left_out in (
        ([Entry("tag", "db")], True),
        ([of(check) for check in checks], True),
        ([of(check) for check in checks[:3]], False),
        ([of(checks[4]), Entry("tag", "db")], True),
    ):
        page = await page_of(store, user, *entries)
        data = json.loads(await visitor.read(f"/s/{user.public_slug}/prod/data"))
        assert (len(data["checks"]), data["left_out"]) == (3, left_out)
        assert ("There are more" in await visitor.read(f"/s/{user.public_slug}/prod")) is left_out
        await delete_status_page(store, user, page.id)


async def test_limits_of_an_address_and_of_all_together(
    store: Store, user: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttr.web.public.HOLD_SECONDS", 0)
    await page_of(store, user)
    for zone, status in (("public-address", 429), ("public", 503)):
        app = create_app(settings.model_copy(update={"rate_limits": parse_limits(f"{zone}=3/3600")}))
        async with app.test_app():
            client, peer = app.test_client(), {"client": ("203.0.113.9", 4711)}
            path = f"/s/{user.public_slug}/prod"
            got = [(await client.get(path, scope_base=peer)).status_code for _ in range(4)]
            assert got == [200, 200, 200, status]
            refused = await client.get(path, headers=HTMX, scope_base=peer)
            assert int(refused.headers["Retry-After"]) > 0
            assert refused.headers["Cache-Control"] == "no-store"
            assert refused.headers["HX-Reswap"] == "none"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nothing_can_be_written(user: User, visitor: Visitor, method: str) -> None:
    response = await visitor.client.open(f"/s/{user.public_slug}/prod", method=method)
    assert response.status_code in (403, 405)


async def test_a_slash_too_much_at_the_end_is_no_other_address(
    store: Store, user: User, visitor: Visitor
) -> None:
    await page_of(store, user)
    for path in ("/", "/prod/", "/prod/data/"):
        assert (await visitor.get(f"/s/{user.public_slug}{path}")).status_code == 200


async def test_odd_addresses_are_not_found(app: Quart, user: User, visitor: Visitor) -> None:
    for path in (
        "/s/",
        "/s/%00/x",
        "/s/a/b/c/d",
        "/s/..%2f..%2fetc/passwd",
        f"/s/{user.public_slug}/{'x' * 5_000}",
    ):
        assert (await visitor.get(path)).status_code == 404


async def test_an_edit_of_a_check_is_seen(store: Store, user: User, visitor: Visitor) -> None:
    check = await check_of(store, user)
    await page_of(store, user, of(check))
    assert "Nightly backup" in await visitor.read(f"/s/{user.public_slug}/prod")
    renamed = check_settings(name="Renamed backup")
    await update_check(store, user, str(check.id), lambda _: renamed, now=now_ms())
    page = await visitor.read(f"/s/{user.public_slug}/prod")
    assert "Renamed backup" in page
    assert "Nightly backup" not in page


async def test_nothing_that_a_visitor_makes_up_is_kept(
    store: Store, user: User, app: Quart, visitor: Visitor
) -> None:
    await page_of(store, user, of(await check_of(store, user)))
    for kind in KINDS:
        for host in ("evil.example", "evil.example:1", 'evil"><script>'):
            for query in ("", "evil", "layout=evil", "layout=grid&evil=1"):
                path = f"/s/{user.public_slug}/prod{kind.partition('?')[0]}?{query}"
                response = await visitor.client.get(path, headers={"Host": host, "X-Forwarded-Host": host})
                assert response.status_code == 200
                assert "evil" not in await text(response)
    (copy,) = app.extensions["ttr_status_pages"]._copies.values()
    assert len(copy.value.written) == 2 * 2 + 2  # whole and live in two layouts, data, text


async def test_the_operators_word_for_our_address_is_told(
    store: Store, user: User, settings: Settings
) -> None:
    await page_of(store, user)
    app = create_app(settings.model_copy(update={"public_url": "https://status.example"}))
    async with app.test_app():
        for path in (f"/s/{user.public_slug}/prod", f"/s/{user.public_slug}"):
            page = await text(await app.test_client().get(path))
            assert f'rel="canonical" href="https://status.example{path}"' in page


async def test_a_page_is_written_once_though_who_asked_first_has_left(
    store: Store, user: User, app: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page_of(store, user)
    go, begun = asyncio.Event(), []

    async def write(made: public_pages.Made, layout: Layout, stale: bool) -> Packed:
        begun.append(layout)
        await go.wait()
        return await pack(whole("page"), HTML, "version")

    monkeypatch.setitem(public_pages._WRITERS, "page", write)
    async with app.test_request_context(f"/s/{user.public_slug}/prod"):
        made = (await public_pages.page_now(user.public_slug, "prod")).value
        asking = [asyncio.create_task(public_pages._written(made, "page", "cards", False)) for _ in range(3)]
        await asyncio.sleep(0)
        asking[0].cancel()
        await asyncio.sleep(0)
        go.set()
        first, *others = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(first, asyncio.CancelledError)
    assert all(isinstance(one, Packed) for one in others)
    assert begun == ["cards"]


async def test_a_page_that_could_not_be_written_is_tried_again(
    store: Store, user: User, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await page_of(store, user)
    writers = dict(public_pages._WRITERS)

    async def fail(*_: object) -> Packed:
        raise RuntimeError("broken")

    monkeypatch.setitem(public_pages._WRITERS, "page", fail)
    assert (await visitor.get(f"/s/{user.public_slug}/prod")).status_code == 500
    monkeypatch.setitem(public_pages._WRITERS, "page", writers["page"])
    assert (await visitor.get(f"/s/{user.public_slug}/prod")).status_code == 200
