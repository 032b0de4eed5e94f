"""Badges as everybody gets them: every state, every form, kept for all, and nothing in them that is secret."""

import json
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest
from quart import Quart, Response

from tests.conftest import MASTER_KEY
from tests.lua.parts import make_check
from tests.web.conftest import text
from ttr.domain.badge import COLOURS
from ttr.domain.badge_address import sealed
from ttr.domain.check import Check
from ttr.domain.schedule import Schedule
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.account_slugs import rename
from ttr.store.checks import delete_check, pause_check
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store
from ttr.store.users import User, create_user, digest
from ttr.web import badges

HOUR, DAY = 3_600_000, 86_400_000
RARELY = {
    "interval": Schedule("interval", 90 * 86_400, None, "UTC"),
    "cron": Schedule("cron", None, "0 0 1 1 *", "Europe/Riga"),
    "oncalendar": Schedule("oncalendar", None, "*-01-01 00:00:00", "America/New_York"),
}
OFTEN = {
    "interval": Schedule("interval", 60, None, "UTC"),
    "cron": Schedule("cron", None, "* * * * *", "Europe/Riga"),
    "oncalendar": Schedule("oncalendar", None, "*-*-* *:*:00", "America/New_York"),
}
SVG = "{http://www.w3.org/2000/svg}"

pytestmark = pytest.mark.usefixtures("nothing_is_kept")


class Owner:
    """An account whose jobs ping over the front door."""

    def __init__(self, app: Quart, store: Store, user: User) -> None:
        self.client: Any = app.test_client()
        self.store, self.user = store, user

    async def check(self, slug: str | None = "job", ago: int = DAY, **changes: Any) -> Check:
        """A check made some ms ago."""
        fields = {"name": "Backup", "grace_seconds": 7_200, "schedule": RARELY["interval"], **changes}
        return await make_check(self.store, self.user, now=now_ms() - ago, slug=slug, **fields)

    async def ping(self, check: Check, action: str = "") -> None:
        response = await self.client.get(f"/p/{self.user.user_slug}/{check.address}{action}")
        assert response.status_code == 200

    async def get(self, rest: str, **headers: str) -> Response:
        """What lies below the account's public slug."""
        response: Response = await self.client.get(f"/p/{self.user.public_slug}{rest}", headers=headers)
        return response

    async def json(self, rest: str) -> dict[str, Any]:
        response = await self.get(rest)
        assert response.status_code == 200, await text(response)
        found: dict[str, Any] = await response.get_json()
        return found

    async def picture(self, rest: str) -> ElementTree.Element:
        """A picture that must be well-formed."""
        response = await self.get(rest)
        assert response.status_code == 200, await text(response)
        return ElementTree.fromstring(await response.get_data(as_text=False))


@pytest.fixture
async def owner(app: Quart, store: Store, account: tuple[User, str]) -> Owner:
    return Owner(app, store, account[0])


def said(picture: ElementTree.Element) -> list[str]:
    """The texts that a picture shows."""
    return [element.text or "" for element in picture.iter(f"{SVG}text")]


@pytest.mark.parametrize("kind", ["interval", "cron", "oncalendar"])
@pytest.mark.parametrize(
    ("state", "status", "late", "running"),
    [
        *(("new", "new", False, False), ("up", "up", False, False), ("down", "down", False, False)),
        *(("late", "new", True, False), ("overdue", "new", True, False), ("running", "new", False, True)),
        *(("running after up", "up", False, True), ("running late", "new", True, True)),
        *(("running down", "down", False, True), ("paused", "paused", False, False)),
        ("paused down", "paused", False, False),
    ],
)
async def test_every_state_of_every_kind(
    owner: Owner, kind: str, state: str, status: str, late: bool, running: bool
) -> None:
    behind = "late" in state or state == "overdue"
    # Two minutes behind is within the grace; an hour behind one of a second nobody has looked yet.
    ago, grace = (HOUR, 1) if state == "overdue" else (2 * 60_000 + 1_000, 7_200)
    schedule = (OFTEN if behind else RARELY)[kind]
    check = await owner.check(ago=ago if behind else DAY, schedule=schedule, grace_seconds=grace)
    if "up" in state:
        await owner.ping(check)
    if "down" in state:
        await owner.ping(check, "/fail")
    if "running" in state:
        await owner.ping(check, "/start")
    if "paused" in state:
        await pause_check(owner.store, owner.user, str(check.id), now=now_ms())

    word = "late" if behind else state.split()[0]
    if state == "running down":
        word = "down"
    assert await owner.json("/job/badge.json") == {
        "schemaVersion": 1,
        "label": "Backup",
        "message": word,
        "color": COLOURS[word],
        "status": status,
        "late": late,
        "running": running,
    }
    picture = await owner.picture("/job/badge.svg")
    assert said(picture) == ["Backup", word]
    assert (picture.get("role"), picture.get("aria-label")) == ("img", f"Backup: {word}")
    assert picture.findtext(f"{SVG}title") == f"Backup: {word}"
    assert f"#{COLOURS[word]}" in {path.get("fill") for path in picture.iter(f"{SVG}path")}


async def test_uptime_is_told_for_a_window(owner: Owner) -> None:
    check = await owner.check(ago=200 * DAY)
    at, before = now_ms() - 3 * DAY, 100 * DAY
    key = keys.check(owner.user.partition, check.id)
    # Up for 100 days, down for two, up since a day.
    await owner.store.redis.hset(
        key, mapping={"status": "up", "status_since": at + 2 * DAY, "flip_number": 3}
    )
    flips = (
        f"{at + 2 * DAY}|down|up|{2 * DAY}||",
        f"{at}|up|down|{before}|fail|",
        f"{at - before}|new|up|{DAY}||",
    )
    await owner.store.redis.rpush(keys.flips(owner.user.partition, check.id), *flips)

    found = {
        window: await owner.json(f"/job/badge.json?show=uptime&window={window}")
        for window in ("24h", "7d", "30d", "90d")
    }
    assert {window: one["message"] for window, one in found.items()} == {
        "24h": "100 %",
        "7d": "71.42 %",
        "30d": "93.33 %",
        "90d": "97.77 %",
    }
    assert {one["color"] for one in found.values()} == {COLOURS["up"], COLOURS["down"]}
    assert found["7d"]["uptime"] == pytest.approx(5 / 7, abs=1e-6)
    assert found["7d"]["window"] == "7d"
    assert (await owner.json("/job/badge.json?show=uptime"))["window"] == "30d"
    assert said(await owner.picture("/job/badge.svg?show=uptime&label=Nightly")) == ["Nightly", "93.33 %"]
    assert "uptime" not in await owner.json("/job/badge.json?window=7d")


async def test_without_data_an_uptime_says_so(owner: Owner) -> None:
    await owner.check()
    found = await owner.json("/job/badge.json?show=uptime")
    assert (found["message"], found["uptime"], found["color"]) == ("no data", None, COLOURS["new"])


async def test_the_account_tells_its_worst_state_and_counts(owner: Owner) -> None:
    counts = {"total": 0, "up": 0, "down": 0, "late": 0, "new": 0, "paused": 0, "running": 0}

    async def expect(message: str, status: str, **changed: int) -> None:
        counts.update(changed)
        found = await owner.json("/badge.json")
        assert (found["label"], found["message"], found["status"]) == ("checks", message, status)
        assert {name: found[name] for name in counts} == counts
        assert said(await owner.picture("/badge.svg?label=Jobs")) == ["Jobs", message]

    await expect("no checks", "new")
    first = await owner.check("one")
    await expect("new", "new", total=1, new=1)
    await owner.ping(first)
    await expect("all up", "up", up=1, new=0)
    await owner.ping(first, "/start")
    await expect("all up", "up", running=1)
    second = await owner.check("two", ago=2 * 60_000, schedule=OFTEN["cron"])
    await expect("1 late", "up", total=2, new=1, late=1)
    third = await owner.check("three")
    await owner.ping(third, "/fail")
    await expect("1 down", "down", total=3, down=1)
    for done, check in enumerate((third, second, first), start=1):
        await pause_check(owner.store, owner.user, str(check.id), now=now_ms())
        assert (await owner.json("/badge.json"))["paused"] == done
    assert (await owner.json("/badge.json"))["message"] == "paused"


async def test_all_names_of_a_check_and_of_an_account_lead_to_its_badge(owner: Owner) -> None:
    check = await owner.check()
    name = sealed(check.id, check.uuid)
    for slug in (owner.user.public_slug, owner.user.user_slug):
        assert (await owner.client.get(f"/p/{slug}/badge.svg")).status_code == 200
        for path in ("job", name, check.uuid, check.uuid.upper()):
            assert (await owner.client.get(f"/p/{slug}/{path}/badge.svg")).status_code == 200


async def test_a_slug_that_looks_sealed_is_a_slug_first(owner: Owner) -> None:
    other = await owner.check(None, name="Sealed")
    await owner.check(sealed(other.id, other.uuid), name="By slug")
    assert (await owner.json(f"/{sealed(other.id, other.uuid)}/badge.json"))["label"] == "By slug"


def _said(response: Response) -> list[tuple[str, str]]:
    """The headers, without those that number and time each answer."""
    own = ("Date", "x-request-id", "x-process-time")
    return [(name, value) for name, value in response.headers.items() if name not in own]


async def test_what_is_not_there_is_not_told_apart(owner: Owner, app: Quart, store: Store) -> None:
    check = await owner.check()
    # Somebody in the same partition, where their checks lie as near as one's own.
    await store.redis.set(keys.sequence("user"), owner.user.id + keys.PARTITIONS - 1)
    stranger, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    assert stranger.partition == owner.user.partition
    theirs = await Owner(app, store, stranger).check("theirs")
    public = owner.user.public_slug
    paths = [
        *(
            "/p/nobody/badge.svg",
            "/p/nobody/job/badge.svg",
            "/p/No%20body/badge.json",
            "/p/%ff/job/badge.svg",
        ),
        *(
            f"/p/{public}/{name}/badge.svg"
            for name in ("none", "theirs", theirs.uuid, "Job", "j%00b", "j.b", "x" * 101)
        ),
        *(
            f"/p/{public}/{name}/badge.svg"
            for name in (str(check.id), f"{check.id}-", f"{check.id}-0123456789ab")
        ),
        f"/p/{public}/{sealed(theirs.id, theirs.uuid)}/badge.svg",
        f"/p/{public}/{theirs.id}-{sealed(check.id, check.uuid)[-12:]}/badge.svg",
        f"/p/{public}/0b7c9d5e-1f2a-4b3c-8d4e-5f60718293a4/badge.svg",
    ]
    answers = set()
    for path in paths:
        response = await owner.client.get(path)
        headers = sorted(_said(response))
        answers.add((response.status_code, tuple(headers), await text(response)))
    [(status, _, body)] = answers
    assert (status, body) == (404, "There is no badge at this address.\n")


async def test_a_check_or_account_that_is_gone_has_no_badge(owner: Owner) -> None:
    check = await owner.check()
    await delete_check(owner.store, owner.user, str(check.id))
    assert (await owner.get("/job/badge.svg")).status_code == 404
    assert (await owner.get(f"/{check.uuid}/badge.svg")).status_code == 404
    await owner.store.redis.hdel(keys.user(owner.user.partition, owner.user.id), "user_slug", "public_slug")
    assert (await owner.get("/badge.svg")).status_code == 404


async def test_a_slug_answers_for_whoever_has_it_now(owner: Owner, app: Quart, store: Store) -> None:
    await owner.check()
    before = owner.user
    await rename(store, before, user_slug="new-ping-slug", public_slug="new-public", now=now_ms())
    for former in (before.user_slug, before.public_slug):
        assert (await owner.client.get(f"/p/{former}/job/badge.svg")).status_code == 404
        assert (await owner.client.get(f"/p/{former}/badge.svg")).status_code == 404
    owner.user = replace(before, public_slug="new-public")
    assert (await owner.get("/job/badge.svg")).status_code == 200

    # Another account whose ping slug is this one's public slug is not shown under it.
    stranger, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    await Owner(app, store, stranger).check("theirs")
    await rename(store, stranger, user_slug="new-public", public_slug=None, now=now_ms())
    assert (await owner.get("/theirs/badge.svg")).status_code == 404
    assert (await owner.json("/badge.json"))["total"] == 1


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("show=all", "show: One of 'status' or 'uptime' is needed.\n"),
        ("show=uptime&window=1y", "window: One of '24h', '7d', '30d' or '90d' is needed.\n"),
        ("label=" + "x" * 101, "label: At most 100 characters.\n"),
        ("label=a%0Ab", "label: Control characters can't be in a label.\n"),
        ("label=a%EF%BF%BFb", "label: Control characters can't be in a label.\n"),
    ],
)
@pytest.mark.parametrize("rest", ["/job/badge.svg", "/badge.json", "/none/badge.svg"])
async def test_a_bad_query_is_refused_in_words(owner: Owner, rest: str, query: str, sentence: str) -> None:
    await owner.check()
    response = await owner.get(f"{rest}?{query}")
    assert (response.status_code, await text(response)) == (400, sentence)
    assert response.content_type == "text/plain; charset=utf-8"


async def test_an_account_has_no_uptime(owner: Owner) -> None:
    response = await owner.get("/badge.svg?show=uptime")
    assert (response.status_code, await text(response)) == (400, "show: Only a check has an uptime.\n")


@pytest.mark.parametrize(
    "rest", ["/job/badge.svg", "/job/badge.json", "/badge.svg", "/none/badge.svg", "/badge.svg?show=x"]
)
async def test_answers_are_for_everybody(owner: Owner, account: tuple[User, str], rest: str) -> None:
    await owner.check()
    # Somebody who is logged in gets what everybody gets.
    token = re.search(r'name="csrf_token" value="([^"]+)"', await text(await owner.client.get("/")))
    assert token
    await owner.client.post("/login", form={"csrf_token": token[1], "auth_key": account[1]})
    response = await owner.get(rest, **{"Accept-Encoding": "gzip"})
    headers = response.headers
    assert headers["Cache-Control"] == "public, max-age=60"
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'"
    assert not {"Set-Cookie", "Vary", "Content-Encoding"} & set(headers.keys())


@pytest.mark.parametrize("rest", ["/job/badge.svg", "/job/badge.json", "/badge.svg"])
async def test_what_is_known_already_is_not_sent_again(owner: Owner, rest: str) -> None:
    check = await owner.check()
    first = await owner.get(rest)
    tag = first.headers["ETag"]
    assert re.fullmatch('"[0-9a-f]{32}"', tag)
    for asked in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        response = await owner.get(rest, **{"If-None-Match": asked})
        assert (response.status_code, await text(response)) == (304, "")
        assert response.headers["ETag"] == tag
        assert response.headers["Cache-Control"] == "public, max-age=60"
    await owner.ping(check)
    changed = await owner.get(rest, **{"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


async def test_head_has_the_same_headers(owner: Owner) -> None:
    await owner.check()
    for rest in ("/job/badge.svg", "/job/badge.json", "/badge.svg"):
        full = await owner.get(rest)
        head = await owner.client.head(f"/p/{owner.user.public_slug}{rest}")
        assert _said(head) == _said(full)


async def test_types(owner: Owner) -> None:
    assert (await owner.get("/badge.svg")).content_type == "image/svg+xml; charset=utf-8"
    assert (await owner.get("/badge.json")).content_type == "application/json"


@pytest.mark.parametrize(
    "label",
    [
        *(
            "<script>alert(1)</script>",
            "\"onload='x'",
            "a & b &amp; c",
            "]]>",
            "<!--",
            "</text></svg>",
            "{{ 7 * 7 }}",
        ),
        *(
            "\u05e9\u05dc\u05d5\u05dd",
            "\u202eevil",
            "\U0001f600\U0001f468\u200d\U0001f469",
            "\u0301\u0302",
            "\u65e5" * 100,
        ),
        *("'", "a  b", "\\"),
    ],
)
async def test_a_label_is_text_whatever_it_is(owner: Owner, label: str) -> None:
    await owner.check("named", name=label)
    await owner.check()
    for picture in (
        await owner.picture("/named/badge.svg"),
        ElementTree.fromstring(
            await text(
                await owner.client.get(
                    f"/p/{owner.user.public_slug}/job/badge.svg", query_string={"label": label}
                )
            )
        ),
    ):
        assert said(picture) == [label, "new"]
        assert picture.get("aria-label") == picture.findtext(f"{SVG}title") == f"{label}: new"
        assert {element.tag.removeprefix(SVG) for element in picture.iter()} == {
            "svg",
            "title",
            "path",
            "g",
            "text",
        }
        for element in picture.iter():
            assert not any(name.startswith("on") or name in ("style", "href") for name in element.attrib)
    assert (await owner.json("/named/badge.json"))["label"] == label


async def test_a_name_with_a_character_that_no_picture_holds_is_still_drawn(owner: Owner) -> None:
    await owner.check(name="a\uffffb")
    assert said(await owner.picture("/job/badge.svg")) == ["a\ufffdb", "new"]


async def test_nothing_secret_is_in_any_answer(owner: Owner, account: tuple[User, str]) -> None:
    secrets = {owner.user.user_slug, owner.user.public_slug, account[1], digest(account[1]), "T0p-s3cret"}
    for slug in ("job", None):
        check = await owner.check(slug, description="T0p-s3cret", tags=("T0p-s3cret",))
        response = await owner.client.post(
            f"/p/{owner.user.user_slug}/{check.address}", data=b"T0p-s3cret rows"
        )
        assert response.status_code == 200
        secrets |= {check.uuid, check.uuid[:8]}
        for form in ("svg", "json"):
            for query in ("", "?show=uptime"):
                for name in (sealed(check.id, check.uuid), check.uuid):
                    response = await owner.get(f"/{name}/badge.{form}{query}")
                    whole = f"{response.headers} {await text(response)}"
                    assert response.status_code == 200
                    assert not [secret for secret in secrets if secret in whole]
    for form in ("svg", "json"):
        response = await owner.get(f"/badge.{form}")
        assert not [secret for secret in secrets if secret in f"{response.headers} {await text(response)}"]


async def test_without_redis_nothing_is_kept(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(badges, "find_counts", away)
    response = await owner.get("/badge.svg")
    assert (response.status_code, response.headers["Cache-Control"]) == (503, "no-store")
    assert response.headers["Retry-After"] == "5"
    assert "Set-Cookie" not in response.headers


async def test_a_fault_of_ours_sets_no_cookie_either(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(badges, "find_counts", broken)
    response = await owner.get("/badge.svg")
    assert (response.status_code, response.headers["Cache-Control"]) == (500, "no-store")
    assert "Set-Cookie" not in response.headers


async def test_json_is_what_shields_io_reads(owner: Owner) -> None:
    await owner.check(name="\u65e5\u672c")
    found = json.loads(await text(await owner.get("/job/badge.json")))
    assert found["schemaVersion"] == 1
    assert {"label", "message", "color"} < found.keys()
    assert re.fullmatch("[0-9a-f]{6}", found["color"])


async def test_what_means_nothing_is_not_kept(owner: Owner, app: Quart) -> None:
    """Fields that no badge knows, labels that none may have and names that are too long take no memory."""
    await owner.check("job")
    for rest in ("/job/badge.svg", "/badge.svg"):
        for query in (
            "",
            "?a",
            "?b=1&c=2",
            f"?{'&'.join(map(str, range(1_000)))}",
            "?show=status&label=&window=30d",
        ):
            assert (await owner.get(rest + query)).status_code == 200
    for rest, status in ((f"/{'x' * 101}/badge.svg", 404), (f"/job/badge.svg?label={'x' * 101}", 400)):
        assert (await owner.get(rest)).status_code == status
    assert len(app.extensions["ttr_badges"]) == 2
