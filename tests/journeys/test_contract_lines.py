"""The curl lines that people have in their scripts, word for word, run by bash against what `ttr up` starts.

Only the key, the check's number (123 below) and what stands in braces are filled in.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.client import Account, call, sign_up, until
from tests.journeys.receiver import Answer, Receiver
from tests.journeys.supervised import Supervised

# `.ci/run` installs both.
pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("jq") is None, reason="curl or jq is not installed"
)

ROOT = Path(__file__).parents[2]
_SENT = Answer(200, {"Content-Type": "application/json"}, body=b'{"ok":true,"result":{"message_id":1}}')
_SEND = "/bot1234:abcd/sendMessage"


@pytest.fixture(scope="module")
def telegram() -> Iterator[Receiver]:
    """Telegram's Bot API, as far as it takes messages."""
    with Receiver() as telegram:
        telegram.answer(_SEND, *[_SENT] * 50)
        yield telegram


@pytest.fixture(scope="module")
def house(telegram: Receiver) -> Iterator[Supervised]:
    """The whole product."""
    with Supervised(TELEGRAM_API_URL=telegram.url("")) as house:
        yield house


@dataclass(frozen=True, slots=True)
class Shell:
    """A person with a key, in a folder."""

    account: Account
    folder: Path

    def text(self, line: str, check: dict[str, Any] | None = None) -> str:
        """What the line printed; it must end well."""
        if check:
            line = line.replace("/checks/123", f"/checks/{check['id']}")
            line = line.replace("{check_identifier}", check["slug"] or check["uuid"])
        line = line.replace("{user_slug}", self.account.user_slug)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            env={
                "PATH": os.environ["PATH"],
                "BASE": f"http://localhost:{self.account.port}",
                "AUTH_KEY": self.account.auth_key,
            },
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout

    def json(self, line: str, check: dict[str, Any] | None = None) -> Any:
        """The JSON that the line printed."""
        return json.loads(self.text(line, check))


@pytest.fixture
def shell(house: Supervised, tmp_path: Path) -> Shell:
    """A new account, and an empty folder."""
    return Shell(sign_up(house.port), tmp_path)


@pytest.fixture
def check(shell: Shell) -> dict[str, Any]:
    """A check of the account, which expects nothing for an hour."""
    return shell.account.add(
        "my-job", name="My Job", tags=["db", "nightly"], interval_seconds=3_600, grace_seconds=30
    )


# --- checks


def test_list_checks(shell: Shell, check: dict[str, Any]) -> None:
    shell.account.add("other")
    page = shell.json(
        'curl -s -H "X-Auth-Key: $AUTH_KEY" "$BASE/api/v1/checks?size=10&sort_by=id&sort_direction=desc" | jq .'
    )
    assert page.keys() >= {"items", "next_cursor", "prev_cursor", "size"}
    assert [item["slug"] for item in page["items"]] == ["other", "my-job"]
    assert (page["size"], page["next_cursor"], page["prev_cursor"]) == (10, None, None)
    assert {tag["name"] for tag in page["items"][1]["tags"]} == {"db", "nightly"}


def test_create_a_check(shell: Shell) -> None:
    made = shell.json(r"""curl -s -X POST "$BASE/api/v1/checks" \
-H "X-Auth-Key: $AUTH_KEY" \
-H "Content-Type: application/json" \
-d '{"name":"My Job","schedule_type":"interval","interval_seconds":60,"grace_seconds":30}' | jq .""")
    assert (made["name"], made["status"], made["interval_seconds"], made["grace_seconds"]) == (
        "My Job",
        "new",
        60,
        30,
    )
    assert shell.account.show(str(made["id"]))["uuid"] == made["uuid"]


def test_update_a_check(shell: Shell, check: dict[str, Any]) -> None:
    saved = shell.json(
        r"""curl -s -X PUT "$BASE/api/v1/checks/123" \
-H "X-Auth-Key: $AUTH_KEY" \
-H "Content-Type: application/json" \
-d '{"name":"My Job (renamed)","schedule_type":"interval","interval_seconds":120,"grace_seconds":30}' | jq .""",
        check,
    )
    assert (saved["id"], saved["name"], saved["interval_seconds"]) == (check["id"], "My Job (renamed)", 120)
    assert shell.account.show("my-job")["name"] == "My Job (renamed)"


def test_delete_a_check(shell: Shell, check: dict[str, Any]) -> None:
    said = shell.text(
        'curl -s -X DELETE -H "X-Auth-Key: $AUTH_KEY" "$BASE/api/v1/checks/123" -i', check
    ).splitlines()
    assert said[0].split()[:2] == ["HTTP/1.1", "204"]
    assert said[-1] == ""
    assert shell.account.api("GET", "/checks")["items"] == []


def test_export_all_checks_and_import_them(shell: Shell, house: Supervised, check: dict[str, Any]) -> None:
    printed = shell.text(
        'curl -s -H "X-Auth-Key: $AUTH_KEY" -H "Accept: application/json" "$BASE/api/v1/checks/export" '
        "-o ttr_rip_checks_export.json"
    )
    assert printed == ""
    exported = json.loads((shell.folder / "ttr_rip_checks_export.json").read_text())
    assert exported["version"] == 1
    assert exported["user_slug"] == shell.account.user_slug
    assert [(item["name"], item["slug"]) for item in exported["checks"]] == [("My Job", "my-job")]
    assert sorted(exported["checks"][0]["tags"]) == ["db", "nightly"]

    another = Shell(sign_up(house.port), shell.folder)
    result = another.json(r"""curl -s -X POST "$BASE/api/v1/checks/import" \
-H "X-Auth-Key: $AUTH_KEY" \
-F "file=@ttr_rip_checks_export.json" | jq .""")
    assert (result["imported_count"], result["failed_count"], result["errors"]) == (1, 0, [])
    assert result.keys() >= {"status_pages_imported", "user_slug_updated"}
    made = another.account.show("my-job")
    assert (made["name"], made["interval_seconds"], made["grace_seconds"]) == ("My Job", 3_600, 30)


def test_get_the_last_content(shell: Shell, check: dict[str, Any]) -> None:
    line = 'curl -s -H "X-Auth-Key: $AUTH_KEY" "$BASE/api/v1/checks/123/content" | jq .'
    assert shell.json(line, check)["content"] is None
    shell.account.ping("my-job", body=b"copied 42 rows")
    assert shell.json(line, check)["content"] == "copied 42 rows"


def test_toggle_pause(shell: Shell, check: dict[str, Any]) -> None:
    line = 'curl -s -X POST -H "X-Auth-Key: $AUTH_KEY" "$BASE/api/v1/checks/123/toggle-pause" | jq .'
    paused = shell.json(line, check)
    assert (paused["id"], paused["paused"], paused["status"]) == (check["id"], True, "paused")
    assert shell.json(line, check)["paused"] is False


def test_check_slug_availability(shell: Shell, check: dict[str, Any]) -> None:
    line = 'curl -s -H "X-Auth-Key: $AUTH_KEY" "$BASE/api/v1/checks/slug-check?slug=my-slug" | jq .'
    assert shell.json(line)["is_taken"] is False
    shell.account.add("my-slug")
    assert shell.json(line)["is_taken"] is True


def test_tags_for_your_checks(shell: Shell, check: dict[str, Any]) -> None:
    tags = shell.json('curl -s -H "X-Auth-Key: $AUTH_KEY" "$BASE/api/v1/checks/tags" | jq .')
    assert [tag["name"] for tag in tags] == ["db", "nightly"]
    assert {tag["id"] for tag in tags} == {tag["id"] for tag in check["tags"]}


def test_user_stats(shell: Shell, check: dict[str, Any]) -> None:
    shell.account.add("failing", interval_seconds=3_600)
    shell.account.ping("failing", "/fail")
    stats = shell.json('curl -s -H "X-Auth-Key: $AUTH_KEY" "$BASE/api/v1/checks/stats" | jq .')
    counts = ("total_checks", "up_count", "down_count", "new_count", "paused_count", "overdue_count")
    assert [stats[name] for name in counts] == [2, 0, 1, 1, 0, 0]
    assert (stats["active_count"], stats["tags_count"]) == (2, 2)
    assert stats["avg_interval_seconds"] == 3_600
    assert stats.keys() >= {"avg_duration_seconds", "user_queued_notifications"}


# --- integrations of a check

# --- status pages


def _filled(line: str, checks: list[int], page: int) -> str:
    """A line with the numbers of this installation."""
    return line.replace("[1,2,3]", json.dumps(checks)).replace("/status-pages/123", f"/status-pages/{page}")


def test_status_pages(shell: Shell) -> None:
    checks = [shell.account.add(name)["id"] for name in ("one", "two", "three")]
    made = shell.json(
        _filled(
            r"""curl -s -X POST "$BASE/api/v1/status-pages" \
-H "X-Auth-Key: $AUTH_KEY" \
-H "Content-Type: application/json" \
-d '{"name":"Prod","slug":"prod","check_ids":[1,2,3]}' | jq .""",
            checks,
            0,
        )
    )
    assert (made["name"], made["slug"], made["check_ids"], made["is_public"]) == (
        "Prod",
        "prod",
        checks,
        True,
    )
    listed = shell.json('curl -s -H "X-Auth-Key: $AUTH_KEY" "$BASE/api/v1/status-pages" | jq .')
    assert listed == [made]
    saved = shell.json(
        _filled(
            r"""curl -s -X PUT "$BASE/api/v1/status-pages/123" \
-H "X-Auth-Key: $AUTH_KEY" \
-H "Content-Type: application/json" \
-d '{"name":"Prod (renamed)","slug":"prod","check_ids":[1,2,3]}' | jq .""",
            checks[:1],
            made["id"],
        )
    )
    assert (saved["id"], saved["name"], saved["check_ids"]) == (made["id"], "Prod (renamed)", checks[:1])
    said = shell.text(
        _filled(
            'curl -s -X DELETE -H "X-Auth-Key: $AUTH_KEY" "$BASE/api/v1/status-pages/123" -i', [], made["id"]
        )
    )
    assert said.split()[:2] == ["HTTP/1.1", "204"]
    assert shell.json('curl -s -H "X-Auth-Key: $AUTH_KEY" "$BASE/api/v1/status-pages" | jq .') == []


_UPDATE_TELEGRAM = r"""curl -s -X PUT "$BASE/api/v1/checks/123/telegram" \
-H "X-Auth-Key: $AUTH_KEY" \
-H "Content-Type: application/json" \
-d '{"telegram_enabled":true,"telegram_chat_id":"123456789","telegram_bot_token":"1234:abcd"}' | jq ."""


def test_update_telegram_settings(shell: Shell, check: dict[str, Any]) -> None:
    saved = shell.json(_UPDATE_TELEGRAM, check)
    assert saved["id"] == check["id"]
    assert (saved["telegram_enabled"], saved["telegram_chat_id"]) == (True, "123456789")
    assert "1234:abcd" not in json.dumps(saved)


def test_send_a_test_immediately(shell: Shell, check: dict[str, Any], telegram: Receiver) -> None:
    shell.json(_UPDATE_TELEGRAM, check)
    before = len(telegram.arrivals(_SEND))
    tested = shell.json(
        'curl -s -X POST -H "X-Auth-Key: $AUTH_KEY" "$BASE/api/v1/checks/123/telegram/test" | jq .', check
    )
    assert (tested["id"], tested["telegram_last_notification_status"]) == (check["id"], "ok")
    sent = telegram.arrivals(_SEND)[before:]
    assert [message.body["chat_id"] for message in sent] in (["123456789"], [123456789])


def test_send_a_test_via_the_queue(shell: Shell, check: dict[str, Any], telegram: Receiver) -> None:
    shell.json(_UPDATE_TELEGRAM, check)
    before = len(telegram.arrivals(_SEND))
    queued = shell.json(
        'curl -s -X POST -H "X-Auth-Key: $AUTH_KEY" "$BASE/api/v1/checks/123/telegram/test-queue" | jq .',
        check,
    )
    assert queued["message"]
    telegram.wait(_SEND, before + 1)
    until(lambda: shell.account.show("my-job")["telegram_last_notification_status"] == "ok")


def test_live_rate_snapshot(shell: Shell, check: dict[str, Any]) -> None:
    line = 'curl -s -H "X-Auth-Key: $AUTH_KEY" "$BASE/api/v1/checks/123/telegram/rate" | jq .'
    assert shell.json(line, check) == {"enabled": False}
    shell.json(_UPDATE_TELEGRAM, check)
    assert shell.json(line, check)["enabled"] is True


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("slack", "https://hooks.slack.com/services/T0001/B0001/abcdefgh"),
        ("discord", "https://discord.com/api/webhooks/1234567890/abcdefgh"),
        ("webhook", "https://example.org/hook"),
    ],
)
def test_slack_discord_and_webhook_endpoints_are_analogous(
    shell: Shell, check: dict[str, Any], kind: str, url: str
) -> None:
    secret = "webhook_url" if kind == "webhook" else f"{kind}_webhook_url"
    fields = json.dumps({f"{kind}_enabled": True, secret: url})
    saved = shell.json(
        f"""curl -s -X PUT "$BASE/api/v1/checks/123/{kind}" \\
-H "X-Auth-Key: $AUTH_KEY" \\
-H "Content-Type: application/json" \\
-d '{fields}' | jq .""",
        check,
    )
    assert saved[f"{kind}_enabled"] is True
    rate = shell.json(
        f'curl -s -H "X-Auth-Key: $AUTH_KEY" "$BASE/api/v1/checks/123/{kind}/rate" | jq .', check
    )
    assert rate["enabled"] is True


# --- pings


def test_get_based_ping(shell: Shell, check: dict[str, Any]) -> None:
    line = """# GET-based ping
curl -s "$BASE/p/{user_slug}/{check_identifier}?ok=1\""""
    assert shell.text(line, check) == "OK"
    assert shell.account.show("my-job")["status"] == "up"
    said = shell.json(f"{line} -H 'Accept: application/json'", check)
    assert (said.keys(), said["message"]) == ({"message", "process_time_seconds"}, "OK")


def test_post_payload_ping(shell: Shell, check: dict[str, Any]) -> None:
    said = shell.text(
        r"""# POST payload ping
curl -s -X POST "$BASE/p/{user_slug}/{check_identifier}" \
-H "Content-Type: text/plain" \
--data-binary 'hello from cron'""",
        check,
    )
    assert said == "OK"
    assert shell.account.api("GET", "/checks/my-job/content")["content"] == "hello from cron"


def test_a_check_without_a_slug_is_pinged_by_its_uuid(shell: Shell) -> None:
    check = shell.account.api("POST", "/checks", name="My Job", interval_seconds=60, grace_seconds=30)
    assert shell.text('curl -s "$BASE/p/{user_slug}/{check_identifier}?ok=1"', check) == "OK"
    assert shell.account.show(check["uuid"])["status"] == "up"


# --- what the lines need


def test_a_line_without_its_key_is_refused(house: Supervised) -> None:
    assert call(house.port, "GET", "/api/v1/checks?size=10")[0] == 401
