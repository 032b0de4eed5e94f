"""Who counts as at work, and what has nobody."""

from dataclasses import replace

from tests.processes import NOW, process
from ttr.domain.liveness import (
    FORGOTTEN_MS,
    HORSE,
    PARTITIONS_AWAY,
    QUEUE_AWAY,
    SILENT_MS,
    judge,
    reasons_to_worry,
)

CLOCK = process("clock", loops={"watch": NOW, "dispatch": NOW})
WORKER = process("worker", loops={"rq": NOW})
SENDER = process("sender", pid=200, loops={"send": NOW})


def worries(*processes: object, web: int = NOW, clock: int = NOW, due: int | None = None) -> str:
    live = judge(processes, NOW)
    return "; ".join(reasons_to_worry(live, web_tick=web, clock_tick=clock, due_since=due, now=NOW))


def test_whoever_says_nothing_is_silent_and_then_forgotten() -> None:
    for ago, states in (
        (SILENT_MS - 1, ["well"]),
        (SILENT_MS, ["silent"]),
        (FORGOTTEN_MS - 1, ["silent"]),
        (FORGOTTEN_MS, []),
    ):
        live = judge([replace(WORKER, beat_at=NOW - ago, loops={})], NOW)
        assert [one.state for one in live.processes] == states, ago
        assert live.workers_online == (states == ["well"])


def test_a_process_whose_clock_is_ahead_is_well() -> None:
    assert judge([replace(WORKER, beat_at=NOW + 2_000)], NOW).workers_online == 1


def test_a_loop_is_stuck_when_it_was_quiet_for_longer_than_it_said() -> None:
    for quiet, stuck in ((900_000, ()), (900_001, ("archive",))):
        one = replace(CLOCK, loops={"watch": NOW, "archive": NOW - quiet}, patience={"archive": 900_000})
        (judged,) = judge([one], NOW).processes
        assert (judged.state, judged.stuck) == ("stuck" if stuck else "well", stuck)


def test_loops_are_judged_by_the_moment_at_which_they_were_told() -> None:
    late = replace(CLOCK, beat_at=NOW - 7_000, loops={"watch": NOW - 14_000})
    assert not judge([late], NOW).has_stuck()


def test_work_has_nobody_only_when_no_clock_does_it() -> None:
    stuck = replace(CLOCK, id="other", loops={"watch": NOW, "dispatch": NOW - 8_001})
    silent = replace(CLOCK, id="third", beat_at=NOW - 20_000)
    assert judge([WORKER, stuck, silent], NOW).missing() == ("dispatch",)
    assert judge([WORKER, silent], NOW).missing() == ("dispatch", "watch")
    both = judge([WORKER, stuck, silent, CLOCK], NOW)
    assert both.missing() == ()
    assert both.stuck("clock") == ("dispatch",)
    assert (both.count("clock", "well"), both.count("clock", "silent")) == (1, 1)
    assert judge([WORKER], NOW).missing() == ()


def test_a_worker_whose_sender_does_not_answer_takes_nothing() -> None:
    busy = replace(WORKER, gauges={HORSE: 200})
    assert judge([busy, SENDER], NOW).workers_online == 1
    for ailing in (replace(SENDER, beat_at=NOW - 9_000), replace(SENDER, loops={"send": NOW - 9_000})):
        live = judge([busy, ailing], NOW)
        assert live.missing() == ("worker",)
        assert live.stuck("worker") == ("job",)
        # It has died and another one is at work, or it is on another machine.
        assert judge([replace(busy, gauges={HORSE: 201}), ailing], NOW).workers_online == 1
        assert judge([replace(busy, host="there"), ailing], NOW).workers_online == 1


def test_the_queue_is_away_when_no_clock_that_speaks_reaches_it() -> None:
    there, away = (replace(CLOCK, id=str(n), gauges={QUEUE_AWAY: n}) for n in (0, 1))
    silent = replace(there, beat_at=NOW - 9_000)
    for clocks, queue in (
        ([CLOCK], "unknown"),
        ([silent], "unknown"),
        ([there], "ok"),
        ([there, away], "ok"),
        ([away, silent], "away"),
    ):
        live = judge([WORKER, *clocks], NOW)
        assert (live.queue, "queue" in live.missing()) == (queue, queue == "away")
    assert worries(away, WORKER) == "the Redis of the job queue is away"


def test_a_part_of_redis_is_away_when_no_clock_can_look_at_it() -> None:
    away = replace(CLOCK, gauges={PARTITIONS_AWAY: 5})
    assert judge([WORKER, away], NOW).missing() == ("partitions",)
    assert judge([WORKER, away, replace(CLOCK, id="2", gauges={PARTITIONS_AWAY: 0})], NOW).missing() == ()
    assert worries(away, WORKER) == "a part of Redis is away"


def test_nobody_worries_while_everything_that_alerts_need_is_well() -> None:
    assert worries(CLOCK, WORKER) == ""
    assert worries(CLOCK, WORKER, web=NOW - 10_000, clock=NOW - 10_000, due=NOW - 60_000) == ""


def test_each_worry_is_told() -> None:
    for told, words in (
        (worries(CLOCK, WORKER, web=NOW - 10_001), "no web process takes pings"),
        (worries(CLOCK, WORKER, clock=NOW - 10_001), "no clock looks for overdue checks"),
        (worries(CLOCK), "no worker is online"),
        (worries(WORKER), "no clock hands alerts out"),
        (worries(replace(CLOCK, loops={"dispatch": NOW - 9_000}), WORKER), "no clock hands alerts out"),
        (worries(CLOCK, WORKER, due=NOW - 60_001), "an alert has been due for more than a minute"),
    ):
        assert told == words
