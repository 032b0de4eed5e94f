"""The merge of pings and changes: any two histories, any filter, any page, whatever comes meanwhile."""

from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from ttr.domain.flip import Flip
from ttr.history import Stretch
from ttr.store.check_log import CheckLog
from ttr.store.ping_log import KINDS, PingEntry
from ttr.web.check_log import (
    LOG_KINDS,
    Line,
    LogPage,
    LogQuery,
    Place,
    merge,
    page_log,
    page_whole,
    page_window,
    read_log_query,
)

Entry = TypeVar("Entry", PingEntry, Flip)

# Few instants, so that many entries share one; in any order, as clocks are set back.
INSTANTS = st.integers(0, 12)
PINGS = st.lists(st.tuples(INSTANTS, st.sampled_from(KINDS)), max_size=40)
CHANGES = st.lists(INSTANTS, max_size=25)
FILTERS = st.lists(st.sampled_from(LOG_KINDS), unique=True).map(tuple)


def pings_of(drawn: list[tuple[int, str]], first: int = 1) -> list[PingEntry]:
    """Pings with these times and kinds, newest first, numbered from `first`."""
    numbered = [PingEntry(at, kind, "GET", number=first + i) for i, (at, kind) in enumerate(drawn)]
    return numbered[::-1]


def flips_of(instants: list[int], first: int = 1) -> list[Flip]:
    """Changes at these times, newest first, numbered from `first`."""
    return [Flip(first + i, at, "up", "down", 0) for i, at in enumerate(instants)][::-1]


def walk(lines: list[Line], kinds: tuple[str, ...], size: int) -> list[Line]:
    """Everything, page by page, from the newest on."""
    query, seen = LogQuery(kinds), []
    while True:
        page = page_log(lines, query, size=size)
        assert len(page.lines) <= size
        seen += page.lines
        if page.older is None:
            return seen
        assert len(page.lines) == size, "only the last page may be short"
        query = query.to("older", page.older)


@given(PINGS, CHANGES)
def test_where_time_only_grows_the_merge_is_the_sorted_whole(
    drawn: list[tuple[int, str]], instants: list[int]
) -> None:
    pings, flips = pings_of(sorted(drawn, key=lambda one: one[0])), flips_of(sorted(instants))
    lines = [*(Line(ping=ping) for ping in pings), *(Line(flip=flip) for flip in flips)]

    def age(line: Line) -> tuple[int, bool, int]:
        number = line.ping.number if line.ping else line.flip.number if line.flip else 0
        return line.at, line.flip is not None, number

    assert merge(pings, flips) == sorted(lines, key=age, reverse=True)


@given(PINGS, CHANGES)
def test_each_kind_keeps_its_own_order_and_nothing_is_lost_where_the_clock_was_set_back(
    drawn: list[tuple[int, str]], instants: list[int]
) -> None:
    pings, flips = pings_of(drawn), flips_of(instants)
    lines = merge(pings, flips)
    assert [line.ping for line in lines if line.ping] == pings
    assert [line.flip for line in lines if line.flip] == flips


def test_a_change_stays_with_its_ping_where_the_clock_was_set_back() -> None:
    lines = merge(pings_of([(50, "start"), (49, "fail"), (20, "log")]), flips_of([49, 20]))
    assert [line.name for line in lines] == ["flip-2", "ping-3", "flip-1", "ping-2", "ping-1"]


@given(PINGS, CHANGES, FILTERS, st.integers(1, 7))
def test_its_pages_are_the_filtered_whole(
    drawn: list[tuple[int, str]], instants: list[int], kinds: tuple[str, ...], size: int
) -> None:
    lines = merge(pings_of(drawn), flips_of(instants))
    assert walk(lines, kinds, size) == [line for line in lines if not kinds or line.kind in kinds]


@given(PINGS, CHANGES, PINGS, CHANGES, FILTERS, st.integers(1, 7))
def test_what_comes_meanwhile_moves_no_older_page(
    drawn: list[tuple[int, str]],
    instants: list[int],
    later: list[tuple[int, str]],
    later_instants: list[int],
    kinds: tuple[str, ...],
    size: int,
) -> None:
    pings, flips = pings_of(drawn), flips_of(instants)
    lines = merge(pings, flips)
    first = page_log(lines, LogQuery(kinds), size=size)
    grown = merge(
        [*pings_of([(at + 13, kind) for at, kind in later], len(pings) + 1), *pings],
        [*flips_of([at + 13 for at in later_instants], len(flips) + 1), *flips],
    )
    query, seen = LogQuery(kinds).to("older", first.older), list(first.lines)
    while query.place:
        page = page_log(grown, query, size=size)
        seen += page.lines
        query = query.to("older", page.older)
    assert seen == [line for line in lines if not kinds or line.kind in kinds]


@given(PINGS, CHANGES, FILTERS, st.integers(1, 7))
def test_newer_undoes_older(
    drawn: list[tuple[int, str]], instants: list[int], kinds: tuple[str, ...], size: int
) -> None:
    lines = merge(pings_of(drawn), flips_of(instants))
    pages = [page_log(lines, LogQuery(kinds), size=size)]
    while pages[-1].older:
        pages.append(page_log(lines, LogQuery(kinds, way="older", place=pages[-1].older), size=size))
    assert pages[0].newer is None
    for newer, older in pairwise(pages):
        assert older.newer
        back = page_log(lines, LogQuery(kinds, way="newer", place=older.newer), size=size)
        assert back.lines == newer.lines
        assert back.older == newer.older


def test_below_all_that_is_kept_there_is_a_way_up() -> None:
    lines = merge(pings_of([(1, "success")], first=500), [])
    page = page_log(lines, LogQuery(place=Place(20, 1)))
    assert (page.lines, page.older, page.newer) == ([], None, Place(20, 1))


def test_far_below_redis_there_is_a_way_up_also_where_nothing_passes_the_filter() -> None:
    pings = pings_of([(1, "success")] * 30)
    page = page_of(pings, [], (10, 1), LogQuery(("fail",), place=Place(5, 1)), 3)
    assert (page.lines, page.older, page.newer) == ([], None, Place(5, 1))


def test_a_page_above_a_place_leaves_out_nothing_where_the_newest_page_ends_too_soon() -> None:
    # Of the changes Redis keeps the newest; the page ends there, though Redis has older pings.
    pings, flips = pings_of([(at, "success") for at in range(10)]), flips_of([0, 9])
    assert [line.name for line in page_of(pings, flips, (10, 1), LogQuery(), 5).lines] == ["flip-2"]
    back = page_of(pings, flips, (10, 1), LogQuery(way="newer", place=Place(9, 2)), 5)
    assert [line.name for line in back.lines] == ["flip-2", "ping-10", "ping-9"]
    assert (back.older, back.newer) == (Place(9, 2), Place(11, 3))


@given(FILTERS, st.sampled_from(["mine", "check", "utc"]), st.sampled_from(["older", "newer"]))
def test_an_address_says_what_it_was_written_from(kinds: tuple[str, ...], zone: str, way: str) -> None:
    place = Place(17, 3)
    ordered = tuple(kind for kind in LOG_KINDS if kind in kinds)
    query = LogQuery(ordered if len(ordered) < len(LOG_KINDS) else (), zone, way, place)  # type: ignore[arg-type]  # drawn
    pairs = [pair.split("=") for pair in str(query).split("&")]
    assert read_log_query(MultiDict([(name, value) for name, value in pairs])) == query


@given(st.dictionaries(st.sampled_from(["kind", "zone", "older", "newer"]), st.text(max_size=30)))
def test_nonsense_in_an_address_counts_as_not_said(fields: dict[str, str]) -> None:
    query = read_log_query(MultiDict(fields))
    assert read_log_query(MultiDict([pair.split("=") for pair in str(query).split("&") if pair])) == query


def page_of(
    pings: list[PingEntry], flips: list[Flip], kept: tuple[int, int], query: LogQuery, size: int
) -> LogPage:
    """A page of a log of which Redis keeps so many pings and changes, and Postgres all."""
    log = CheckLog(pings[: kept[0]], flips[: kept[1]], len(pings), len(flips))
    page, lack = page_window(log, query, size=size)
    if lack is None:
        return page
    assert query.place, "the newest page asks nobody"
    found, changes = list[PingEntry](), list[Flip]()
    if lack.pings:
        kinds = lack.pings.kinds or KINDS
        found = cut([ping for ping in pings if ping.kind in kinds], lack.pings, lack.size)
    if lack.flips:
        changes = cut(flips, lack.flips, lack.size)
    filled = replace(log, pings=[*log.pings, *found], flips=[*log.flips, *changes])
    return page_whole(filled, query, size=size)


def cut(entries: list[Entry], stretch: Stretch, size: int) -> list[Entry]:
    """What Postgres answers."""
    below = [one for one in entries if one.number < stretch.below]
    if stretch.since is None:
        return below[:size]
    above = [one for one in below if one.number >= stretch.since]
    return above[-size:]


def walk_on(
    pings: list[PingEntry], flips: list[Flip], kept: tuple[int, int], kinds: tuple[str, ...], size: int
) -> list[LogPage]:
    """All pages, from the newest on."""
    query, pages = LogQuery(kinds), list[LogPage]()
    for _ in range(100):
        pages.append(page_of(pings, flips, kept, query, size))
        if pages[-1].older is None:
            return pages
        query = query.to("older", pages[-1].older)
    raise AssertionError("there is no end")


KEPT = st.tuples(st.integers(1, 12), st.integers(1, 12))


# Redis keeps the whole page above, but below the end of the newest page, which is empty.
@example([(0, "start"), (1, "success")], [0, 0], (1, 1), ("start", "status"), 1)
# Nothing that Redis keeps passes the filter: all that stands above is in Postgres.
@example([(0, "success"), (0, "success"), (0, "start")], [], (1, 1), ("success",), 1)
# Under a filter the newest page would end at another place than the page that is come back to.
@example([(0, "start"), (0, "start"), (1, "success")], [0], (1, 1), ("start",), 1)
@given(PINGS, CHANGES, KEPT, FILTERS, st.integers(1, 7))
def test_pages_go_on_where_redis_ends_and_come_back(
    drawn: list[tuple[int, str]],
    instants: list[int],
    kept: tuple[int, int],
    kinds: tuple[str, ...],
    size: int,
) -> None:
    pings = pings_of(sorted(drawn, key=lambda one: one[0]))
    flips = flips_of(sorted(instants))
    pages = walk_on(pings, flips, kept, kinds, size)
    whole = [line for line in merge(pings, flips) if not kinds or line.kind in kinds]
    assert [line for page in pages for line in page.lines] == whole
    assert all(len(page.lines) == size for page in pages[1:-1]), "only the newest and the last may be short"
    assert pages[0].newer is None
    for newer, older in pairwise(pages):
        if not whole:
            assert older.newer is None, "nothing of what is kept passes the filter"
            continue
        assert older.newer
        back = page_of(pings, flips, kept, LogQuery(kinds, way="newer", place=older.newer), size)
        assert (back.lines, back.older) == (newer.lines, newer.older)


@given(PINGS, CHANGES, KEPT, FILTERS, st.integers(1, 7))
def test_nothing_is_lost_across_the_border_where_the_clock_was_set_back(
    drawn: list[tuple[int, str]],
    instants: list[int],
    kept: tuple[int, int],
    kinds: tuple[str, ...],
    size: int,
) -> None:
    pings, flips = pings_of(drawn), flips_of(instants)
    seen = [line for page in walk_on(pings, flips, kept, kinds, size) for line in page.lines]
    assert [line.ping for line in seen if line.ping] == [p for p in pings if not kinds or p.kind in kinds]
    assert [line.flip for line in seen if line.flip] == [f for f in flips if not kinds or "status" in kinds]
