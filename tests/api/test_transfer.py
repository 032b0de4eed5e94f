"""An account as a file: written, read back, refused as a whole, and never with a secret in clear."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from quart import Quart, Response

from tests.api.conftest import NEW, Caller, problem
from tests.channels.post import Post, post_office
from tests.conftest import MASTER_KEY, eventually
from tests.lua.parts import dump
from tests.records import is_bookkeeping
from ttr.accounts import SLUG_IS_FIXED
from ttr.channels import KINDS
from ttr.domain import limits
from ttr.domain.allowance import Limit
from ttr.domain.invalid import Invalid
from ttr.domain.limits import IMPORT_BODY_MAX
from ttr.domain.transfer import AccountFile, read_account_file
from ttr.domain.turns import Turns
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.signing_secrets import open_secrets
from ttr.store import keys
from ttr.store.channels import list_channels
from ttr.store.chores import begin
from ttr.store.errors import StoreUnavailable
from ttr.store.redis import Store, verify
from ttr.store.users import create_user
from ttr.transfer import importing, passphrase, steps, turns
from ttr.transfer.plan import make_plan

PASSPHRASE = "correct horse battery staple"
HOOK = "https://hooks.example.com/T0K3N"
SECRETS = ("1234:s3cret", "https://hooks.slack.com/services/T/B/s3cret", HOOK, "whsec_")
JOB = {"name": "job", "interval_seconds": 60, "grace_seconds": 30}


async def newcomer(app: Quart, store: Store) -> Caller:
    return Caller(app.test_client(), *await create_user(store, now=now_ms(), master=MASTER_KEY))


async def elsewhere(app: Quart, store: Store) -> Caller:
    """An account of another installation: nothing of this one is left."""
    await store.redis.flushall()
    await verify(store)
    return await newcomer(app, store)


@pytest.fixture
async def other(app: Quart, api: Caller, store: Store) -> Caller:
    """Another account of the same installation."""
    return await newcomer(app, store)


async def export(api: Caller, word: str | None = None) -> Any:
    if word is None:
        status, file = await api.call("GET", "/checks/export")
    else:
        status, file = await api.call("POST", "/checks/export", {"passphrase": word})
    assert status == 200, file
    return file


async def load(api: Caller, file: Any, query: str = "") -> Any:
    """An import that is taken."""
    status, report = await api.call("POST", f"/checks/import{query}", file)
    assert status == 200, report
    return report


async def refused(api: Caller, file: Any, status: int = 400) -> dict[str, str]:
    """Why an import is not taken."""
    answer = await api.raw("POST", "/checks/import", json.dumps(file).encode())
    assert answer.status_code == status, await answer.get_data()
    return await problem(answer)


async def holding(store: Store) -> dict[bytes, Any]:
    """All that Redis holds, but for the tick by which processes say that they live, when a key was used last, and what
    snapshots go by."""
    held = await dump(store)
    return {
        name: value
        for name, value in held.items()
        if not is_bookkeeping(name) and not name.endswith(b":key-uses")
    }


def lasting(file: Any) -> Any:
    """What two exports of the same account have in common."""
    return {name: value for name, value in file.items() if name not in ("exported_at", "secrets")}


def unsealed(file: Any) -> Any:
    """A file without what looks different at each sealing."""
    for entry in file["channels"] + file["checks"]:
        entry.pop("secrets", None)
    return lasting(file)


def of(*checks: Any, **more: Any) -> dict[str, Any]:
    return {"version": 1, "checks": list(checks), **more}


async def furnish(api: Caller) -> None:
    """An account with everything that a file can hold."""
    ids = []
    for fields in (
        {"kind": "webhook", "name": "Hook", "webhook_url": HOOK},
        {"kind": "telegram", "name": "Ops", "telegram_bot_token": "1234:s3cret", "telegram_chat_id": "-100"},
        {"kind": "slack", "name": "Ops", "slack_webhook_url": SECRETS[1], "default": True},
        {"kind": "slack", "name": "Ops", "slack_webhook_url": SECRETS[1] + "2", "enabled": False},
        {"kind": "discord", "name": "Empty", "enabled": False},
    ):
        status, channel = await api.call("POST", "/channels", fields)
        assert status == 201, channel
        ids.append(channel["id"])
    await api.make(
        name="Interval", slug="interval", tags=["b", "a"], description="two\nlines", channels=ids[:2]
    )
    await api.make(
        name="Cron",
        schedule_type="cron",
        schedule="*/5 3 * * 1-5",
        tz="Europe/Riga",
        interval_seconds=None,
        max_runtime_seconds=60,
        notify_after_failures=3,
        notify_on_up=False,
        remind_every_minutes=60,
        post_only=True,
    )
    made = await api.make(
        name="Calendar \u00e4\U0001f600",
        schedule_type="oncalendar",
        schedule="Mon..Fri *-*-* 07:00:00\nSat *-*-* 09:00:00",
        tz="America/New_York",
        expected_content="^done$",
        expected_content_type="absent",
        use_regex_for_content=True,
        channels=[],
    )
    await api.call("POST", f"/checks/{made['id']}/pause")
    for kind, fields in (
        ("slack", {"slack_enabled": True, "slack_webhook_url": SECRETS[1]}),
        ("telegram", {"telegram_chat_id": "42"}),
        ("webhook", {"webhook_enabled": True, "webhook_url": HOOK + "/own"}),
    ):
        status, answer = await api.call("PUT", f"/checks/{made['id']}/{kind}", fields)
        assert status == 200, answer


async def test_an_account_comes_back_elsewhere_as_it_was(app: Quart, api: Caller, store: Store) -> None:
    await furnish(api)
    before = await export(api, PASSPHRASE)
    kept = {
        channel.name: open_secrets(app.extensions["ttr_settings"], api.user, channel)
        for channel in await list_channels(store, api.user)
    }
    there = await elsewhere(app, store)
    report = await load(there, {**before, "passphrase": PASSPHRASE})
    assert report["warnings"] == []
    assert report["errors"] == []
    assert (report["imported_count"], report["channels_created"]) == (3, 8)
    assert report["user_slug_updated"]
    assert report["signing_secrets"] == []
    assert unsealed(await export(there, PASSPHRASE)) == unsealed(before)
    found = {
        channel.name: open_secrets(app.extensions["ttr_settings"], there.user, channel)
        for channel in await list_channels(store, there.user)
    }
    assert found == kept
    assert found["Hook"]["signing"].startswith("whsec_")
    # Jobs go on under their old addresses.
    answer = await there.client.get(f"/p/{before['user_slug']}/interval")
    assert answer.status_code == 200


async def test_no_secret_is_in_a_file_in_clear(api: Caller) -> None:
    await furnish(api)
    for word in (None, PASSPHRASE):
        text = json.dumps(await export(api, word))
        assert not [secret for secret in SECRETS if secret in text]
        assert api.key not in text
        assert PASSPHRASE not in text


async def test_without_its_secrets_an_account_comes_back_with_channels_off(
    app: Quart, api: Caller, store: Store
) -> None:
    await furnish(api)
    before = await export(api)
    there = await elsewhere(app, store)
    report = await load(there, before)
    assert "Hook (Webhook) is off: its URL is not in the file." in report["warnings"]
    assert (
        "Slack of Calendar \u00e4\U0001f600 is off: its Webhook URL is not in the file." in report["warnings"]
    )
    after = await export(there)
    assert [channel["name"] for channel in after["channels"]] == [c["name"] for c in before["channels"]]
    assert not any(channel["enabled"] for channel in after["channels"])
    names = {name for kind in KINDS for name in (f"{kind}_enabled",)}
    for one, two in zip(before["checks"], after["checks"], strict=True):
        assert {k: v for k, v in one.items() if k not in names} == {
            k: v for k, v in two.items() if k not in names
        }


async def test_an_import_of_what_is_there_changes_nothing(api: Caller, store: Store) -> None:
    await furnish(api)
    file = await export(api)
    holds = await holding(store)
    report = await load(api, file)
    assert (report["imported_count"], report["unchanged_count"]) == (3, 3)
    assert (report["created"], report["changed"], report["warnings"]) == ([], [], [])
    assert await holding(store) == holds


async def test_a_dry_run_tells_what_would_happen_and_writes_nothing(
    api: Caller, other: Caller, store: Store
) -> None:
    await furnish(api)
    file = await export(api)
    file["checks"][0]["slug"] = "moved"
    await other.make(name="Old", slug="moved")
    file["checks"].append({"name": "bad"})
    holds = await holding(store)
    report = await load(other, file, "?dry_run=1")
    assert await holding(store) == holds
    assert report["dry_run"]
    assert [check["name"] for check in report["created"]] == ["Cron", "Calendar \u00e4\U0001f600"]
    assert [(check["name"], check["slug"]) for check in report["changed"]] == [("Interval", "moved")]
    assert (report["imported_count"], report["failed_count"]) == (3, 1)
    (entry,) = report["refused"]
    assert (entry["index"], entry["name"]) == (3, "bad")
    assert entry["errors"][0] == {"field": "grace_seconds", "message": "This field is required."}
    assert report["errors"][0].startswith("Check 4 (bad): grace_seconds: This field is required.")


async def test_one_check_that_is_refused_refuses_the_whole_file(api: Caller, store: Store) -> None:
    holds = await holding(store)
    file = of(JOB, JOB | {"schedule_type": "cron", "schedule": "at noon"}, JOB | {"slug": "A"})
    answer = await api.raw("POST", "/checks/import", json.dumps(file).encode())
    assert answer.status_code == 400
    assert (await problem(answer)).keys() == {"checks.1.schedule", "checks.2.slug"}
    assert "2 checks can't be imported, so nothing was." in (await answer.get_json())["detail"]
    assert await holding(store) == holds


async def test_after_a_hundred_checks_that_are_refused_no_more_are_judged(api: Caller) -> None:
    file = of(JOB, *[{"name": ""}] * 150)
    answer = await api.raw("POST", "/checks/import", json.dumps(file).encode())
    found = await answer.get_json()
    assert answer.status_code == 400
    assert len(found["errors"]) == 100
    assert "the first 100 of 200 errors" in found["detail"]
    report = await load(api, file, "?dry_run=1")
    assert [entry["index"] for entry in report["refused"]] == list(range(1, 101))
    assert report["warnings"] == ["What comes after the first 100 checks that are refused was not judged."]


@pytest.mark.parametrize("step", ["create_check", "update_check", "restore_channel", "pause_check"])
async def test_a_fault_half_way_takes_everything_back(
    api: Caller, store: Store, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    for number in range(40):
        await api.make(name=f"Old {number}", slug=f"old-{number}")
    before = lasting(await export(api))
    file = json.loads(json.dumps(before))
    for number, check in enumerate(file["checks"]):
        check |= {"grace_seconds": 99, "paused": number % 2 == 0}
    new = [JOB | {"slug": f"new-{n}", "uuid": str(uuid4()), "paused": True} for n in range(40)]
    file["checks"] += new
    file["channels"] = [
        {"ref": n, "kind": "slack", "name": f"S{n}", "slack_webhook_url": SECRETS[1]} for n in range(3)
    ]
    real, calls = getattr(steps, step), 0

    async def breaking(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == {"restore_channel": 2, "pause_check": 30}.get(step, 20):
            raise StoreUnavailable("away")
        return await real(*arguments, **named)

    monkeypatch.setattr(steps, step, breaking)
    status, _ = await api.call("POST", "/checks/import", file)
    assert status == 503
    assert lasting(await export(api)) == before
    assert not await store.redis.keys("*:chore")
    for check in new:
        assert await store.redis.get(keys.check_uuid(str(check["uuid"]))) is None
    # Nothing keeps the next one from succeeding.
    monkeypatch.undo()
    assert (await load(api, file))["imported_count"] == 80


async def test_another_change_under_way_refuses_an_import_and_no_dry_run(api: Caller, store: Store) -> None:
    await begin(store, api.user.id, "change", now=now_ms())
    status, answer = await api.call("POST", "/checks/import", of(JOB))
    assert (status, answer["errors"]) == (409, [])
    assert len((await load(api, of(JOB), "?dry_run=1"))["created"]) == 1


async def test_checks_are_matched_by_uuid_and_else_by_slug(api: Caller) -> None:
    one = await api.make(name="One", slug="one", tags=["kept"], description="kept")
    two = await api.make(name="Two", slug="two")
    file = of(
        JOB | {"name": "1", "uuid": one["uuid"], "slug": "uno"},
        JOB | {"name": "2", "slug": "two", "uuid": str(uuid4())},
        JOB | {"name": "3", "slug": "one"},
    )
    report = await load(api, file)
    assert [(c["id"], c["name"], c["slug"]) for c in report["changed"]] == [
        (one["id"], "1", "uno"),
        (two["id"], "2", "two"),
    ]
    assert [c["name"] for c in report["created"]] == ["3"]
    _, found = await api.call("GET", "/checks/uno")
    assert (found["uuid"], found["description"], found["tags"][0]["name"]) == (one["uuid"], "kept", "kept")
    _, found = await api.call("GET", "/checks/two")
    assert found["uuid"] == two["uuid"]


async def test_a_uuid_is_kept_unless_another_account_has_it(api: Caller, other: Caller) -> None:
    free, taken = str(uuid4()), (await api.make())["uuid"]
    report = await load(other, of(JOB | {"uuid": free.upper()}, JOB | {"uuid": taken}))
    assert report["created"][0]["uuid"] == free
    assert report["created"][1]["uuid"] not in (free, taken)
    assert report["warnings"][0].startswith("1 checks get UUIDs of their own")
    assert (await api.call("GET", f"/checks/{taken}"))[0] == 200


async def test_slugs_may_move_on_but_not_in_a_circle(api: Caller) -> None:
    a, b, c = [await api.make(name=name, slug=name) for name in ("a", "b", "c")]

    def move(*pairs: tuple[Any, str]) -> Any:
        return of(*(JOB | {"uuid": check["uuid"], "slug": slug} for check, slug in pairs))

    assert len((await load(api, move((a, "b"), (b, "c"), (c, "d"))))["changed"]) == 3
    assert [(await api.call("GET", f"/checks/{x['id']}"))[1]["slug"] for x in (a, b, c)] == ["b", "c", "d"]
    said = "Checks can't swap their slugs in one import."
    assert await refused(api, move((a, "c"), (b, "b")), 409) == {"checks.0.slug": said, "checks.1.slug": said}
    said = "Another of your checks has this slug."
    assert await refused(api, move((a, "c")), 409) == {"checks.0.slug": said}


async def test_a_file_that_contradicts_itself_is_refused(api: Caller) -> None:
    uuid = str(uuid4())
    file = of(JOB | {"slug": "x"}, JOB | {"slug": "x"}, JOB | {"uuid": uuid}, JOB | {"uuid": uuid.upper()})
    assert await refused(api, file, 409) == {
        "checks.1.slug": "checks.0 has this slug too.",
        "checks.3.uuid": "checks.2 has this UUID too.",
    }
    said = "This file has no channel with the ref 7."
    assert await refused(api, of(JOB | {"channels": [7]}), 409) == {"checks.0.channels": said}


async def test_channels_are_matched_by_kind_and_name_and_left_as_they_are(api: Caller) -> None:
    slack = {"kind": "slack", "name": "Ops", "slack_webhook_url": SECRETS[1]}
    _, there = await api.call("POST", "/channels", slack)
    file = of(
        JOB | {"channels": [1, 2]},
        channels=[
            slack | {"ref": 1, "enabled": False},
            {
                "ref": 2,
                "kind": "discord",
                "name": "Ops",
                "discord_webhook_url": "https://discord.com/api/webhooks/1/x",
            },
        ],
    )
    report = await load(api, file)
    assert report["channels_created"] == 1
    assert report["warnings"] == ["You have a channel Ops (Slack) already: it stays as it is."]
    _, channels = await api.call("GET", "/channels")
    assert [(c["kind"], c["enabled"], c["checks"]) for c in channels["items"]] == [
        ("slack", True, 1),
        ("discord", True, 1),
    ]
    _, check = await api.call("GET", f"/checks/{report['created'][0]['id']}")
    assert check["channels"] == [c["id"] for c in channels["items"]]
    assert there["id"] in check["channels"]


async def test_a_check_without_channels_in_the_file_gets_the_default_ones(api: Caller) -> None:
    await api.call("POST", "/channels", {"kind": "slack", "slack_webhook_url": SECRETS[1], "default": True})
    report = await load(api, of(JOB, JOB | {"channels": []}))
    found = [(await api.call("GET", f"/checks/{c['id']}"))[1]["channels"] for c in report["created"]]
    assert [len(channels) for channels in found] == [1, 0]


async def test_a_new_signing_secret_is_shown_once(api: Caller) -> None:
    hook = {"ref": 1, "kind": "webhook", "name": "Hook", "webhook_url": HOOK}
    report = await load(api, of(JOB | {"webhook_enabled": True, "webhook_url": HOOK + "/2"}, channels=[hook]))
    assert [one["name"] for one in report["signing_secrets"]] == ["Hook", "Webhook of job"]
    assert all(one["signing_secret"].startswith("whsec_") for one in report["signing_secrets"])


async def test_the_passphrase_must_be_right(app: Quart, api: Caller, store: Store) -> None:
    await furnish(api)
    file = await export(api, PASSPHRASE)
    there = await elsewhere(app, store)
    said = {"passphrase": "This is not the passphrase of this file."}
    assert await refused(there, {**file, "passphrase": PASSPHRASE + "r"}) == said
    assert "send its passphrase" in (await load(there, file, "?dry_run=1"))["warnings"][0]
    for harm in (
        {"n": 2**30},
        {"kdf": "md5"},
        {"salt": "x"},
        {"salt": None},
        {"proof": 1},
        {"proof": "\u00e4"},
    ):
        found = await refused(
            there, {**file, "passphrase": PASSPHRASE, "secrets": {**file["secrets"], **harm}}
        )
        assert found.keys() <= {"secrets", "passphrase"}
    others: tuple[Any, ...] = ("x", 1, [], {})
    for secrets in others:
        assert await refused(there, {**file, "passphrase": PASSPHRASE, "secrets": secrets})
    file["channels"][0]["secrets"] = "gAAAAAB" + "x" * 100
    report = await load(there, {**file, "passphrase": PASSPHRASE})
    assert "The secrets of Hook (Webhook) are damaged and were left out." in report["warnings"]


@pytest.mark.parametrize("word", ["", "short", "x" * 201, None, 12345678])
async def test_a_passphrase_has_a_decent_length(api: Caller, word: object) -> None:
    answer = await api.raw("POST", "/checks/export", json.dumps({"passphrase": word}).encode())
    assert (await problem(answer)).keys() == {"passphrase"}
    assert answer.status_code == 400


@pytest.mark.parametrize("door", ["form", "file"])
@pytest.mark.parametrize("sealed", [True, False])
async def test_a_passphrase_that_is_too_long_is_refused_before_anything_is_done_with_it(
    api: Caller, monkeypatch: pytest.MonkeyPatch, door: str, sealed: bool
) -> None:
    normalized: list[str] = []

    def spy(form: str, text: str) -> str:
        normalized.append(text)
        return text

    monkeypatch.setattr(passphrase, "unicodedata", SimpleNamespace(normalize=spy))
    head = {"kdf": "scrypt", "n": 2**15, "r": 8, "p": 1, "salt": "A" * 22 + "==", "proof": "x"}
    file = of(JOB, **({"secrets": head} if sealed else {}))
    word = "a" + "\u0301\u0327" * 100
    if door == "form":
        answer = await form(api, json.dumps(file).encode(), passphrase=word)
    else:
        answer = await api.raw("POST", "/checks/import", json.dumps({**file, "passphrase": word}).encode())
    assert answer.status_code == 400
    assert await problem(answer) == {"passphrase": "At most 200 characters."}
    for make in (passphrase.new_box, lambda text: passphrase.open_box(head, text)):
        with pytest.raises(Invalid):
            make(word)
    assert not normalized


SEEDS_FILE = {
    "version": 1,
    "user_slug": "b1g-corp",
    "checks": [
        {
            "name": "Backup",
            "slug": "backup",
            "tags": ["db", "nightly"],
            "schedule_type": "cron",
            "schedule": "0 3 * * *",
            "tz": "Europe/Berlin",
            "interval_seconds": None,
            "grace_seconds": 600,
            "max_runtime_seconds": None,
            "notify_after_failures": None,
            "notify_on_up": True,
            "expected_content": None,
            "expected_content_type": None,
            "use_regex_for_content": False,
            "telegram_enabled": True,
            "telegram_chat_id": "123456789",
            "telegram_bot_token": "1234:s3cret",
            "slack_enabled": False,
            "slack_webhook_url": None,
            "discord_enabled": False,
            "discord_webhook_url": None,
            "webhook_enabled": True,
            "webhook_url": HOOK,
        },
        {
            "name": "Heartbeat",
            "slug": "0b7b8b1e-43a5-4a2e-9b0c-0f2f0f7f3a11",
            "tags": [],
            "schedule_type": "interval",
            "schedule": None,
            "tz": "UTC",
            "interval_seconds": 300,
            "grace_seconds": 60,
            "max_runtime_seconds": 120,
            "notify_after_failures": 2,
            "notify_on_up": False,
            "expected_content": "ok",
            "expected_content_type": None,
            "use_regex_for_content": False,
            "slack_enabled": True,
            "slack_webhook_url": None,
        },
    ],
    "status_pages": [{"name": "Prod", "slug": "prod", "check_slugs": ["backup"]}],
}


async def test_the_seeds_own_file_is_taken_with_its_clear_secrets(
    api: Caller, settings: Settings, store: Store
) -> None:
    answer = await form(api, json.dumps(SEEDS_FILE).encode(), kind="application/json")
    report = await answer.get_json()
    assert answer.status_code == 200, report
    assert (report["imported_count"], report["failed_count"], report["errors"]) == (2, 0, [])
    assert report["user_slug_updated"]
    assert report["status_pages_imported"] == 1
    assert report["warnings"] == [
        "Slack of Heartbeat is off: its Webhook URL is not in the file.",
    ]
    _, backup = await api.call("GET", "/checks/backup")
    assert (backup["telegram_enabled"], backup["telegram_chat_id"], backup["webhook_enabled"]) == (
        True,
        "123456789",
        True,
    )
    assert {tag["name"] for tag in backup["tags"]} == {"db", "nightly"}
    secrets = [open_secrets(settings, api.user, channel) for channel in await list_channels(store, api.user)]
    assert {"telegram_bot_token": "1234:s3cret"} in secrets
    # The addresses that the seed gave to both checks lead to them here.
    for place in ("backup", "0b7b8b1e-43a5-4a2e-9b0c-0f2f0f7f3a11"):
        assert (await api.client.get(f"/p/b1g-corp/{place}")).status_code == 200


async def test_the_older_bare_list_is_taken_without_its_ciphertext(api: Caller) -> None:
    sealed = "gAAAAABmZ0Z0" + "A" * 100 + "=="
    check = JOB | {"telegram_enabled": True, "telegram_chat_id": "42", "telegram_bot_token": sealed}
    report = await load(api, [check | {"slug": "a", "slack_enabled": True, "slack_webhook_url": sealed}])
    assert report["warnings"] == [
        "Telegram of job is off: its Bot token can't be used and was left out.",
        "Slack of job is off: its Webhook URL can't be used and was left out.",
    ]
    _, found = await api.call("GET", "/checks/a")
    assert (found["telegram_enabled"], found["telegram_chat_id"]) == (False, "42")
    assert sealed not in json.dumps(report)


async def test_a_bad_setting_that_is_no_secret_is_refused(api: Caller) -> None:
    check = JOB | {"telegram_chat_id": "my chat"}
    assert (await refused(api, of(check))).keys() == {"checks.0.telegram_chat_id"}
    channel = {"ref": 1, "kind": "telegram", "name": "x", "telegram_chat_id": [1]}
    assert (await refused(api, of(channels=[channel]))).keys() == {"channels.0.telegram_chat_id"}


async def test_a_kind_that_the_operator_has_not_set_up_is_left_out(api: Caller) -> None:
    report = await load(api, of(JOB | {"email_enabled": True, "email_address": "a@example.org"}))
    assert report["warnings"][0].startswith("E-mail of job was left out: ")
    assert report["channels_created"] == 0


@pytest.mark.parametrize(
    ("slug", "said"),
    [("aB3", "Only a-z"), ("x", "3 to 100"), ("taken", "Another account has this slug.")],
)
async def test_a_user_slug_that_cannot_be_had_is_a_warning(
    api: Caller, other: Caller, slug: str, said: str
) -> None:
    assert (await api.call("POST", "/user/slug", {"slug": "taken"}))[0] == 200
    report = await load(other, of(JOB, user_slug=slug))
    assert report["imported_count"] == 1
    assert not report["user_slug_updated"]
    assert said in report["warnings"][0]


async def test_a_file_changes_no_ping_slug_where_they_are_fixed(
    api: Caller, app: Quart, settings: Settings
) -> None:
    app.extensions["ttr_settings"] = settings.model_copy(update={"user_slug_enabled": False})
    for query in ("?dry_run=1", ""):
        report = await load(api, of(JOB, user_slug="acme-jobs", public_slug="acme-inc"), query)
        assert SLUG_IS_FIXED in report["warnings"][0]
        assert not report["user_slug_updated"]
    exported = await export(api)
    assert (exported["user_slug"], exported["public_slug"]) == (api.user.user_slug, "acme-inc")


async def test_slugs_in_a_file_count_as_changes_of_the_account(
    api: Caller, other: Caller, app: Quart, settings: Settings
) -> None:
    three = (Limit("account", 3, 3_600),)
    app.extensions["ttr_settings"] = settings.model_copy(update={"rate_limits": three})
    # What is no slug at all, or the account's own, is not asked about; nor does a dry run ask.
    own = (await export(other))["user_slug"]
    await load(other, of(JOB, user_slug="No", public_slug="No"))
    await load(other, of(JOB, user_slug=own))
    await load(other, of(JOB, user_slug="first-guess", public_slug="first-guess"), "?dry_run=1")
    taken = api.user.user_slug, api.user.public_slug
    report = await load(other, of(JOB, user_slug=taken[0], public_slug=taken[1]))
    assert [warning.partition("left out: ")[2] for warning in report["warnings"]] == [
        "Another account has this slug."
    ] * 2
    answer = await other.raw(
        "POST", "/checks/import", json.dumps(of(JOB, user_slug="free-one", public_slug=taken[1])).encode()
    )
    report = await answer.get_json()
    assert answer.status_code == 200
    assert (report["imported_count"], report["user_slug_updated"]) == (1, True)
    assert "Too many changes of this account itself" in report["warnings"][0]
    assert '"account";q=3;w=3600' in answer.headers["RateLimit-Policy"]
    report = await load(other, of(JOB, user_slug="free-two"))
    assert not report["user_slug_updated"]
    assert "Too many changes" in report["warnings"][0]
    assert (await export(other))["user_slug"] == "free-one"
    assert (await other.call("POST", "/user/slug", {"slug": "free-two"}))[0] == 429


async def test_quotas_hold_and_nothing_is_made_beyond_them(
    api: Caller, app: Quart, settings: Settings
) -> None:
    tight = settings.model_copy(update={"checks_per_account": 3, "channels_per_account": 2})
    app.extensions["ttr_settings"] = tight
    await api.make()
    for query in ("", "?dry_run=1"):
        status, answer = await api.call("POST", f"/checks/import{query}", of(*[JOB] * 3))
        assert status == 409
        assert answer["detail"] == "Your account may have 3 checks; with this file it would have 4."
    own = {
        "slack_enabled": True,
        "slack_webhook_url": SECRETS[1],
        "webhook_url": HOOK,
        "telegram_chat_id": "1",
    }
    status, answer = await api.call("POST", "/checks/import", of(JOB | own))
    assert (status, answer["detail"]) == (
        409,
        "Your account may have 2 channels; with this file it would have 3.",
    )
    assert (await api.call("GET", "/checks/stats"))[1]["total_checks"] == 1
    assert len((await load(api, of(*[JOB] * 2)))["created"]) == 2


def multipart(parts: dict[str, tuple[bytes, str]], boundary: str = "edge") -> bytes:
    body = b""
    for name, (value, more) in parts.items():
        body += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
            + value
            + b"\r\n"
        )
    return body + f"--{boundary}--\r\n".encode()


async def form(api: Caller, data: bytes, kind: str = "application/octet-stream", **fields: str) -> Response:
    """As curl -F sends a file."""
    parts = {"file": (data, f'; filename="x.json"\r\nContent-Type: {kind}')}
    parts |= {name: (value.encode(), "") for name, value in fields.items()}
    sent = {"Content_Type": "multipart/form-data; boundary=edge"}
    return await api.raw("POST", "/checks/import", multipart(parts), **sent)


async def test_a_file_may_come_as_a_form_or_as_the_body_of_any_type(
    app: Quart, api: Caller, store: Store
) -> None:
    data = json.dumps(of(JOB)).encode()
    assert (await form(api, data)).status_code == 200
    for kind in (
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain",
        "application/octet-stream",
    ):
        answer = await api.raw("POST", "/checks/import", data, Content_Type=kind)
        assert answer.status_code == 200, kind
    plain = multipart({"file": (data, "")})
    answer = await api.raw("POST", "/checks/import", plain, Content_Type="multipart/form-data; boundary=edge")
    assert answer.status_code == 200
    await api.call("POST", "/channels", {"kind": "slack", "slack_webhook_url": SECRETS[1]})
    file = await export(api, PASSPHRASE)
    there = await elsewhere(app, store)
    answer = await form(there, json.dumps(file).encode(), passphrase=PASSPHRASE)
    assert (await answer.get_json())["warnings"] == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/form-data; boundary=edge"),
        (b"", "multipart/form-data"),
        (b"--edge\r\n\r\nx", "multipart/form-data; boundary=edge"),
        (b"--edge\r\n" * 1000, "multipart/form-data; boundary=edge"),
        (b"nothing of the kind", "multipart/form-data; boundary=edge"),
        (b"--edge\r\n", "multipart/form-data; boundary=\u00e9"),
        (multipart({"other": (b"{}", "")}), "multipart/form-data; boundary=edge"),
        (multipart({"file": (b"[]", "; x=" + "y" * 8_000)}), "multipart/form-data; boundary=edge"),
        (multipart({"file": (b"[]", "\r\nX: " + "y" * 8_000)}), "multipart/form-data; boundary=edge"),
        (multipart({"file": (b"", '; filename="x"')}), "multipart/form-data; boundary=edge"),
        (multipart({f"f{n}": (b"", "") for n in range(100)}), "multipart/form-data; boundary=edge"),
    ],
)
async def test_a_form_that_cannot_be_read_is_refused(api: Caller, body: bytes, kind: str) -> None:
    answer = await api.raw("POST", "/checks/import", body, Content_Type=kind)
    assert answer.status_code == 400
    await problem(answer)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 10_000_000,
        b"[" * 10_000_000,
        b'{"checks":' * 1_000_000,
        b'{"version": 1, "checks": [' + b"9" * 10_000_000 + b"]}",
        b'{"version": 1, "checks": ["' + b"x" * 10_000_000 + b'"]}',
        b'{"version": 1, "checks": [' + b"[]," * 3_000_000 + b"[]]}",
        b'{"version": 1, "checks": [' + b'{"name":"x","grace_seconds":1e999},' * 9_000 + b"{}]}",
        b'{"version": 1, "checks": [{"name": "\xff"}]}',
        b'{"version": 1, "checks": [{"name": "\\ud800", "grace_seconds": 1, "interval_seconds": 60}]}',
        b'{"version": 1, "checks": [{"name": "a", "tags": ' + b"[" * 50_000 + b"]" * 50_000 + b"}]}",
        b'{"version": 1, "channels": [' + b"{}," * 900_000 + b'{}], "checks": []}',
        b" " * 10_000_000,
    ],
    ids=lambda data: f"{data[:30]!r}",
)
async def test_a_hostile_file_is_refused_and_nothing_is_written(
    api: Caller, store: Store, data: bytes
) -> None:
    holds = await holding(store)
    for answer in (await api.raw("POST", "/checks/import", data), await form(api, data)):
        assert answer.status_code == 400
        await problem(answer)
    assert await holding(store) == holds


async def test_only_an_import_may_be_larger_than_other_bodies(api: Caller) -> None:
    large = b'{"version": 1, "checks": []}' + b" " * (limits.JSON_BODY_MAX + 1)
    assert (await api.raw("POST", "/checks/import", large)).status_code == 200
    assert (await api.raw("POST", "/checks/import/", large)).status_code == 200
    for path in ("/checks", "/checks/export", "/checks/bulk", "/checks/import/x"):
        assert (await api.raw("POST", path, large)).status_code in (404, 413)
    answer = await api.raw("POST", "/checks/import", b" " * (IMPORT_BODY_MAX + 1))
    assert answer.status_code == 413
    await problem(answer)


async def test_ten_thousand_checks_are_read_and_one_more_is_refused(api: Caller) -> None:
    checks = [JOB | {"slug": f"job-{n}", "tags": ["all"]} for n in range(10_000)]
    report = await load(api, of(*checks), "?dry_run=1")
    assert len(report["created"]) == 10_000
    assert await refused(api, of(*checks, JOB)) == {"checks": "At most 10,000."}


async def test_hundreds_of_checks_come_back_in_their_order(app: Quart, api: Caller, store: Store) -> None:
    checks = [JOB | {"name": f"job {n}", "tags": [f"t{n % 7}"], "paused": n % 3 == 0} for n in range(300)]
    await load(api, of(*checks))
    before = await export(api)
    assert [check["name"] for check in before["checks"]] == [check["name"] for check in checks]
    there = await elsewhere(app, store)
    await load(there, before)
    assert lasting(await export(there)) == lasting(before)


async def test_an_export_is_a_download_that_nobody_keeps(api: Caller) -> None:
    answer = await api.raw("GET", "/checks/export")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="ttr_rip_account_export.json"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.mimetype == "application/json"
    assert lasting(await answer.get_json()).keys() == {
        "version",
        "user_slug",
        "public_slug",
        "channels",
        "checks",
        "status_pages",
    }


async def test_strangers_neither_export_nor_import(api: Caller) -> None:
    await api.make(**NEW)
    stranger = Caller(api.client, api.user, "x" * 32)
    for method, path in (("GET", "/checks/export"), ("POST", "/checks/export"), ("POST", "/checks/import")):
        assert (await stranger.raw(method, path)).status_code == 401


@pytest.fixture
async def post() -> AsyncIterator[tuple[Post, int]]:
    """The operator's mail server."""
    async with post_office() as found:
        yield found


async def test_addresses_are_asked_once_their_channels_stay(
    app: Quart, api: Caller, settings: Settings, post: tuple[Post, int]
) -> None:
    office, port = post
    mail = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": "none", "email_confirm": "on"}
    named = {"smtp_from": "ttr <alerts@ttr.example>", "public_url": "https://ttr.example"}
    app.extensions["ttr_settings"] = settings.model_copy(update={**mail, **named})
    app.extensions["ttr_means"].settings.__dict__.update(app.extensions["ttr_settings"].__dict__)
    channels = [
        {"ref": n, "kind": "email", "name": f"M{n}", "email_address": f"m{n}@example.org"} for n in range(12)
    ]
    assert await refused(api, of(JOB | {"channels": [99]}, channels=channels), 409)
    assert not office.envelopes
    report = await load(api, of(JOB, channels=channels))
    assert len(office.envelopes) == 10
    assert report["warnings"][0] == "M0 is off until m0@example.org confirms."
    assert report["warnings"][-1].startswith("Only the first 10 were asked")
    # A second import asks nobody again, and a file still says that they are wanted.
    await load(api, of(JOB, channels=channels))
    assert len(office.envelopes) == 10
    assert all(channel["enabled"] for channel in (await export(api))["channels"])


async def test_channels_of_one_endpoint_sign_with_one_secret(
    api: Caller, settings: Settings, store: Store
) -> None:
    _, there = await api.call("POST", "/channels", {"kind": "webhook", "webhook_url": HOOK})
    own = {"webhook_enabled": True}
    checks = [JOB | own | {"webhook_url": HOOK + path} for path in ("", "/2", "/2", "/2")]
    report = await load(api, of(*checks))
    assert [one["name"] for one in report["signing_secrets"]] == ["Webhook of job"]
    secrets = [open_secrets(settings, api.user, channel) for channel in await list_channels(store, api.user)]
    found = {(one["webhook_url"], one["signing"]) for one in secrets}
    assert found == {
        (HOOK, there["signing_secret"]),
        (HOOK + "/2", report["signing_secrets"][0]["signing_secret"]),
    }


def held(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Let the reading of files wait: the first event says that one is being read, the second lets it go on."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(*arguments: Any, **named: Any) -> Turns[AccountFile]:
        begun.set()
        assert go_on.wait(20)
        return (yield from read_account_file(*arguments, **named))

    monkeypatch.setattr(importing, "read_account_file", slow)
    return begun, go_on


@pytest.mark.parametrize("query", ["", "?dry_run=1"])
async def test_an_account_has_one_import_under_way(
    api: Caller, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    begun, go_on = held(monkeypatch)
    first = asyncio.create_task(api.call("POST", f"/checks/import{query}", of(JOB)))
    assert await asyncio.to_thread(begun.wait, 20)
    status, answer = await api.call("POST", f"/checks/import{query}", of(JOB))
    go_on.set()
    assert (status, answer["errors"]) == (409, [])
    assert (await first)[0] == 200
    assert len((await load(api, of(JOB), query))["created"]) == 1


async def test_as_many_files_are_read_at_once_as_there_are_places(
    app: Quart, api: Caller, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = held(monkeypatch)
    others = [await newcomer(app, store) for _ in range(turns.READ_AT_ONCE)]
    under_way = [asyncio.create_task(other.call("POST", "/checks/import", of(JOB))) for other in others]

    async def all_have_a_place() -> bool:
        return len(turns._reading) == turns.READ_AT_ONCE

    try:
        await eventually(all_have_a_place)
        assert begun.is_set()
        one_more = api.raw("POST", "/checks/import?dry_run=1", json.dumps(of(JOB)).encode())
        answer = await asyncio.wait_for(one_more, 10)
        assert answer.status_code == 503
        assert not any(task.done() for task in under_way)
    finally:
        go_on.set()
    assert await problem(answer) == {}
    assert answer.headers["Retry-After"] == "5"
    assert [(await task)[0] for task in under_way] == [200] * len(others)
    assert (await load(api, of(JOB)))["imported_count"] == 1


async def test_a_small_file_does_not_wait_until_a_dear_one_is_read(
    app: Quart, api: Caller, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def endless(*arguments: Any, **named: Any) -> Turns[AccountFile]:
        while not go_on.is_set():
            yield
        return (yield from read_account_file(*arguments, **named))

    monkeypatch.setattr(importing, "read_account_file", endless)
    dear = asyncio.create_task(api.call("POST", "/checks/import", of(JOB)))

    async def is_read() -> bool:
        return bool(turns._reading)

    await eventually(is_read)
    monkeypatch.undo()
    other = await newcomer(app, store)
    try:
        assert (await asyncio.wait_for(load(other, of(JOB)), 10))["imported_count"] == 1
        assert not dear.done()
    finally:
        go_on.set()
    assert (await dear)[0] == 200


async def test_a_file_that_takes_too_long_is_refused(api: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []

    def endless(*arguments: Any, **named: Any) -> Turns[AccountFile]:
        try:
            while True:
                yield
        finally:
            ended.append(True)

    monkeypatch.setattr(importing, "read_account_file", endless)
    monkeypatch.setattr(turns, "WORK_MAX_MS", 120)
    said = "This file takes too long to judge; use simpler expressions, or several files."
    assert await refused(api, of(JOB)) == {"": said}
    assert ended
    monkeypatch.undo()
    assert (await load(api, of(JOB)))["imported_count"] == 1


async def test_an_import_that_waits_for_its_turn_is_not_taken_for_dead(
    api: Caller, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, real = threading.Event(), threading.Event(), make_plan

    def slow(*arguments: Any) -> Any:
        begun.set()
        assert go_on.wait(20)
        return real(*arguments)

    monkeypatch.setattr(importing, "make_plan", slow)
    monkeypatch.setattr(turns, "_RENEW_SECONDS", 0.02)
    task = asyncio.create_task(api.call("POST", "/checks/import", of(JOB)))
    try:
        assert await asyncio.to_thread(begun.wait, 20)
        leases = set[float]()
        async with asyncio.timeout(20):
            while len(leases) < 3:
                leases |= {
                    until
                    for _, until in await store.redis.zrange(
                        keys.chores(api.user.partition), 0, -1, withscores=True
                    )
                }
    finally:
        go_on.set()
    assert (await task)[0] == 200
