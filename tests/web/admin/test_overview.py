"""The overview and the log."""

import re
from dataclasses import replace

from tests.processes import process
from tests.web.admin.conftest import log_in
from tests.web.conftest import Visitor
from ttr.domain.liveness import PARTITIONS_AWAY, QUEUE_AWAY, judge
from ttr.installation import Figures
from ttr.job_queue import JobCounts
from ttr.now import now_ms
from ttr.store.admin_log import note
from ttr.store.archive_state import ArchiveState
from ttr.store.figures import Sums, Watch
from ttr.store.processes import say
from ttr.store.redis import Store
from ttr.web.admin.overview import troubles

NOW = 1_764_000_000_000
CLOCK = process("clock", beat_at=NOW, loops={"watch": NOW, "dispatch": NOW})
WORKER = process("worker", beat_at=NOW, loops={"rq": NOW})
ALL = judge([CLOCK, WORKER], NOW)
WELL = Figures(
    at=NOW,
    sums=Sums(),
    watch=Watch(NOW, None, 0, False),
    addresses=0,
    jobs=JobCounts(0, 0, 0, 0),
    archive=None,
    failed=None,
)


def test_an_installation_that_is_well_has_no_troubles() -> None:
    assert list(troubles(WELL, ALL)) == []
    assert list(troubles(replace(WELL, archive=ArchiveState("ok", "", NOW, NOW)), ALL)) == []


def test_each_trouble_says_what_to_do() -> None:
    for found, words in (
        (replace(WELL, watch=Watch(NOW - 10_001, None, 0, False)), "Start it with ttr clock"),
        (replace(WELL, jobs=None), "QUEUE_REDIS_URL"),
        (replace(WELL, archive=ArchiveState("refused", "It is full.", NOW, NOW)), "It is full."),
        (replace(WELL, watch=Watch(NOW, (1, 2), 1, True)), "being moved"),
    ):
        (trouble,) = troubles(found, ALL)
        assert words in trouble


def test_what_is_silent_or_stuck_is_told_and_what_waits_for_it() -> None:
    stuck = replace(CLOCK, id="stuck", loops={"dispatch": NOW - 9_000})
    silent = replace(WORKER, id="silent", beat_at=NOW - 9_000)
    for processes, words in (
        ([CLOCK], "Start one with ttr worker"),
        ([CLOCK, silent], "Restart ttr worker"),
        ([WORKER, stuck], "No alert leaves: the loop dispatch does not go round in any clock"),
        ([WORKER, CLOCK, stuck], "Of the clock processes 1 is stuck or silent"),
        ([WORKER, CLOCK, silent, replace(silent, id="2")], "Of the worker processes 2 are stuck or silent"),
    ):
        (trouble,) = troubles(WELL, judge(processes, NOW))
        assert words in trouble


def test_a_queue_that_is_away_is_told_once_and_not_as_a_worker_that_is_stuck() -> None:
    away = replace(CLOCK, gauges={QUEUE_AWAY: 1})
    stuck = replace(WORKER, loops={"rq": NOW - 9_000})
    (trouble,) = troubles(WELL, judge([away, stuck], NOW))
    assert "QUEUE_REDIS_URL" in trouble


def test_a_part_of_redis_that_is_away_is_told() -> None:
    (trouble,) = troubles(WELL, judge([WORKER, replace(CLOCK, gauges={PARTITIONS_AWAY: 5})], NOW))
    assert "A node of the Redis cluster is away" in trouble


def test_a_clock_that_is_gone_is_told_once_and_one_whose_watch_is_stuck_by_that() -> None:
    silent = replace(WELL, watch=Watch(NOW - 10_001, None, 0, False))
    for clock, words in (
        (replace(CLOCK, beat_at=NOW - 9_000), "Start it with ttr clock"),
        (replace(CLOCK, loops={"watch": NOW - 9_000, "dispatch": NOW}), "the loop watch does not go round"),
    ):
        (trouble,) = troubles(silent, judge([WORKER, clock], NOW))
        assert words in trouble


async def test_the_overview_lists_the_processes(operator: Visitor, store: Store) -> None:
    now = now_ms()
    await say(store, replace(WORKER, beat_at=now, host="<b>box</b>", gauges={"rss_bytes": 41_000_000}))
    await say(store, process("clock", id="c", beat_at=now, loops={"watch": now, "dispatch": now - 9_000}))
    await say(store, process("bot", beat_at=now - 9_000))
    page = await operator.read("/admin")
    for words in (
        "&lt;b&gt;box&lt;/b&gt;",
        "40 MB",
        "<strong>dispatch: stuck</strong>, watch",
        ">silent<",
        ">web<",
    ):
        assert words in page
    assert "Start one with ttr worker" not in page


async def test_the_overview_tells_and_asks_again_quietly(operator: Visitor) -> None:
    page = await operator.read("/admin")
    assert "Nobody looks for overdue checks" in page
    assert "No worker is online" in page
    found = re.search(r'hx-get="(/admin/figures\?shown=[0-9a-f]+)"', page)
    assert found
    assert (await operator.get(found[1], htmx=True)).status_code == 204
    again = await operator.read("/admin/figures?shown=other", htmx=True)
    assert found[1] in again
    assert "<html" not in again


async def test_the_log_tells_who_did_what(operator: Visitor, store: Store) -> None:
    await log_in(operator, "ops", "not the right one")
    await note(store, at=NOW, admin="ops", what="paused a check", about="<b>check 7</b>")
    page = await operator.read("/admin/log")
    for words in ("logged in", "login refused", "paused a check", "&lt;b&gt;check 7&lt;/b&gt;"):
        assert words in page
    for number in range(60):
        await note(store, at=NOW + number, admin="ops", what=f"deed {number}")
    assert 'href="/admin/log?offset=50"' in await operator.read("/admin/log")
    assert "paused a check" in await operator.read("/admin/log?offset=50")
    assert "nothing this far back" in await operator.read("/admin/log?offset=5000")
