"""What the product is for, with every process running: a job falls silent, people are told once; it comes back."""

from datetime import datetime

import pytest

from tests.journeys.client import Account, until
from tests.journeys.receiver import Answer, Receiver
from ttr.now import now_ms

# A second alert for one event would leave with the first; this is ten times what delivery takes here.
_WATCH = 1.5


def test_silence_is_told_once_recovery_is_told_once_and_a_second_round_is_told_anew(
    account: Account, receiver: Receiver
) -> None:
    check = account.add("backup", receiver.url("/hook"), name="Nightly backup", tags=["db"])
    account.ping("backup")
    down = receiver.wait("/hook", 1)[0]

    assert down.body["status"] == "down"
    assert down.body["reason"] == "overdue"
    assert (down.body["check_id"], down.body["check_name"]) == (check["id"], "Nightly backup")
    assert (down.body["check_slug"], down.body["tags"]) == ("backup", ["db"])
    # Due a second after the ping, a second of grace; the rest is how long the clock took.
    assert 1 <= down.body["overdue_seconds"] < 11
    assert down.body["down_seconds"] is None
    assert _ms(down.body["timestamp"]) - _ms(down.body["last_ping"]) >= 2_000
    assert _ms(down.body["down_since"]) == _ms(down.body["timestamp"])
    assert down.body["failure_count"] == 1
    assert "Nightly backup" in down.body["message"]
    assert down.body["event_id"]
    assert down.key.startswith(down.body["event_id"])
    assert down.headers["webhook-id"] == down.key
    assert account.show("backup")["status"] == "down"
    receiver.stays_at("/hook", 1, _WATCH)  # a job that stays silent is no news

    account.ping("backup")
    up = receiver.wait("/hook", 2)[1]
    assert up.body["status"] == "up"
    lasted = _ms(up.body["timestamp"]) - _ms(down.body["timestamp"])
    assert up.body["down_seconds"] == lasted / 1000
    assert _ms(up.body["down_since"]) == _ms(down.body["timestamp"])
    assert up.body["failure_count"] == 0

    again = receiver.wait("/hook", 3)[2]
    assert again.body["status"] == "down"
    account.ping("backup")
    receiver.wait("/hook", 4)
    arrivals = receiver.wait("/hook", 5)
    assert [arrival.body["status"] for arrival in arrivals] == ["down", "up", "down", "up", "down"]
    assert len({arrival.key for arrival in arrivals}) == 5
    assert len({arrival.body["event_id"] for arrival in arrivals}) == 5
    assert account.show("backup")["webhook_last_notification_status"] == "ok"
    receiver.stays_at("/hook", 5, _WATCH)


def test_a_check_that_never_pinged_is_told_too(account: Account, receiver: Receiver) -> None:
    account.add("stillborn", receiver.url("/hook"))
    down = receiver.wait("/hook", 1)[0]
    assert (down.body["status"], down.body["reason"], down.body["last_ping"]) == ("down", "overdue", None)


def test_a_job_that_keeps_pinging_is_never_told(account: Account, receiver: Receiver) -> None:
    account.add("steady", receiver.url("/hook"))
    stop = now_ms() + 4_000  # twice its deadline
    while now_ms() < stop:
        account.ping("steady")
        receiver.stays_at("/hook", 0, 0.5)
    assert account.show("steady")["status"] == "up"


@pytest.mark.parametrize(
    ("action", "reason", "detail"),
    [("/fail", "fail", ""), ("/3", "exit_status", "3"), ("/SIGKILL", "signal", "KILL")],
    ids=["fail", "exit status", "signal"],
)
def test_a_reported_failure_is_told_at_once(
    account: Account, receiver: Receiver, action: str, reason: str, detail: str
) -> None:
    account.add("job", receiver.url("/hook"), interval_seconds=3_600)
    account.ping("job", action)
    down = receiver.wait("/hook", 1)[0]
    assert (down.body["status"], down.body["reason"], down.body["reason_detail"]) == ("down", reason, detail)
    assert down.body["overdue_seconds"] is None
    account.ping("job", "/0")
    assert receiver.wait("/hook", 2)[1].body["status"] == "up"


def test_a_run_longer_than_allowed_is_told_although_the_job_is_not_due(
    account: Account, receiver: Receiver
) -> None:
    account.add("job", receiver.url("/hook"), interval_seconds=3_600, max_runtime_seconds=1)
    account.ping("job", "/start")
    down = receiver.wait("/hook", 1)[0]
    assert (down.body["status"], down.body["reason"]) == ("down", "over_runtime")
    account.ping("job")
    assert receiver.wait("/hook", 2)[1].body["status"] == "up"


def test_a_run_that_ends_in_time_is_not_told(account: Account, receiver: Receiver) -> None:
    account.add("job", receiver.url("/hook"), interval_seconds=3_600, max_runtime_seconds=2)
    account.ping("job", "/start")
    account.ping("job")
    receiver.stays_at("/hook", 0, 3)
    assert account.show("job")["last_duration_seconds"] is not None


def test_silence_alone_reaches_a_threshold_of_three_missed_runs_and_is_told_once(
    account: Account, receiver: Receiver
) -> None:
    account.add("job", receiver.url("/hook"), notify_after_failures=3)
    account.ping("job")
    counts = {0}

    def told() -> bool:
        counts.add(account.show("job")["failure_count"])
        return bool(receiver.arrivals("/hook"))

    until(told)
    down = receiver.arrivals("/hook")[0]
    assert counts >= {0, 1, 2}
    assert down.body["failure_count"] == 3
    # Three runs were due 1, 2 and 3 s after the ping; the third is overdue at 4 s, down since the first at 2 s.
    assert 4_000 <= _ms(down.body["timestamp"]) - _ms(down.body["last_ping"]) < 14_000
    assert _ms(down.body["down_since"]) - _ms(down.body["last_ping"]) >= 2_000
    assert _ms(down.body["down_since"]) < _ms(down.body["timestamp"])
    receiver.stays_at("/hook", 1, 2.5)


def test_failures_below_the_threshold_are_told_neither_down_nor_up(
    account: Account, receiver: Receiver
) -> None:
    account.add("job", receiver.url("/hook"), interval_seconds=3_600, notify_after_failures=2)
    account.ping("job", "/fail")
    account.ping("job")
    account.ping("job", "/fail")
    account.ping("job")
    receiver.stays_at("/hook", 0, _WATCH)
    account.ping("job", "/fail")
    account.ping("job", "/fail")
    assert receiver.wait("/hook", 1)[0].body["failure_count"] == 2


def test_recoveries_are_not_told_to_who_does_not_want_them(account: Account, receiver: Receiver) -> None:
    account.add("job", receiver.url("/hook"), interval_seconds=3_600, notify_on_up=False)
    for count in (1, 2):
        account.ping("job", "/fail")
        assert receiver.wait("/hook", count)[-1].body["status"] == "down"
        account.ping("job")
        receiver.stays_at("/hook", count, _WATCH)
    assert account.show("job")["status"] == "up"


def test_a_paused_check_is_never_told_and_is_armed_anew_by_its_resume(
    account: Account, receiver: Receiver
) -> None:
    account.add("job", receiver.url("/hook"))
    account.ping("job")
    account.api("POST", "/checks/job/pause")
    account.ping("job", "/fail")
    receiver.stays_at("/hook", 0, 3)
    resumed = now_ms()
    account.api("POST", "/checks/job/resume")
    down = receiver.wait("/hook", 1)[0]
    assert down.body["reason"] == "overdue"
    assert _ms(down.body["timestamp"]) - resumed >= 2_000


def test_output_that_breaks_its_rule_is_told_and_output_that_keeps_it_again_is_a_recovery(
    account: Account, receiver: Receiver
) -> None:
    rule = {"expected_content": "42 rows", "expected_content_type": "present"}
    account.add("job", receiver.url("/hook"), interval_seconds=3_600, **rule)
    account.ping("job", body=b"copied 42 rows")
    receiver.stays_at("/hook", 0, 0.5)
    account.ping("job", body=b"copied 0 rows")
    down = receiver.wait("/hook", 1)[0]
    assert (down.body["status"], down.body["reason"]) == ("down", "content")
    account.ping("job", body=b"copied 42 rows")
    assert receiver.wait("/hook", 2)[1].body["status"] == "up"


def test_a_500_and_a_refusal_are_tried_again_with_the_same_key_and_a_410_is_final(
    account: Account, receiver: Receiver
) -> None:
    # Three rules in one test, because the plan's first wait is 4 to 6 s.
    receiver.answer("/500", Answer(500))
    receiver.answer("/410", Answer(410))
    with Receiver() as absent:
        for slug, url in (
            ("broken", receiver.url("/500")),
            ("gone", receiver.url("/410")),
            ("absent", absent.url("/hook")),
            ("well", receiver.url("/hook")),
        ):
            account.add(slug, url, interval_seconds=3_600)
        absent.refuse()
        account.ping("well", "/fail")
        until(lambda: _last(account, "well", "ok"))
        before = now_ms()
        for slug in ("broken", "gone", "absent"):
            account.ping(slug, "/fail")
        assert "HTTP 500" in until(lambda: _last(account, "broken", "error"))
        assert "HTTP 410" in until(lambda: _last(account, "gone", "error"))
        assert "refused" in until(lambda: _last(account, "absent", "error"))
        # A target that is gone turns its channel off, and the one that worked last is told.
        assert account.show("gone")["webhook_enabled"] is False
        told = receiver.wait("/hook", 2)[1].body
        assert (told["status"], told["check_id"]) == ("channel_off", 0)
        assert "HTTP 410" in told["message"]
        at = _ms(account.show("gone")["webhook_last_notification_timestamp"])
        assert before <= at <= now_ms()

        absent.listen()
        assert absent.wait("/hook", 1)[0].body["status"] == "down"
        first, second = receiver.wait("/500", 2)
        assert (first.key, first.body) == (second.key, second.body)
        assert second.at - first.at >= 4_000  # 5 s less 20 %
        assert "HTTP 204" in until(lambda: _last(account, "broken", "ok"))
        receiver.stays_at("/410", 1, 2)  # a retry of it would have come with the others
        receiver.stays_at("/500", 2, 0)
        absent.stays_at("/hook", 1, 0)


def test_a_429_is_tried_again_when_the_receiver_says(account: Account, receiver: Receiver) -> None:
    receiver.answer("/hook", Answer(429, {"Retry-After": "1"}))
    account.add("job", receiver.url("/hook"), interval_seconds=3_600)
    account.ping("job", "/fail")
    first, second = receiver.wait("/hook", 2)
    assert first.key == second.key
    assert 1_000 <= second.at - first.at < 4_000  # sooner than the plan's first retry
    receiver.stays_at("/hook", 2, _WATCH)


def test_a_receiver_that_never_answers_does_not_keep_others_from_being_told(
    account: Account, receiver: Receiver
) -> None:
    receiver.answer("/tarpit", Answer(hang=True))
    account.add("stuck", receiver.url("/tarpit"), interval_seconds=3_600)
    account.add("job", receiver.url("/hook"), interval_seconds=3_600)
    account.ping("stuck", "/fail")
    receiver.wait("/tarpit", 1)
    account.ping("job", "/fail")
    receiver.wait("/hook", 1, within=15)


def _last(account: Account, slug: str, status: str) -> str:
    """What the owner reads about the last attempt, once it ended with `status`."""
    shown = account.show(slug)
    ended = shown["webhook_last_notification_status"] == status
    return str(shown["webhook_last_notification_message"]) if ended else ""


def _ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)
