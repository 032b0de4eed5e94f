"""A check's pings and changes of status: from Redis as far as it keeps them, and on from Postgres.

Numbers have no holes, so the two meet at a number: Redis is asked for what it keeps, Postgres for what is below.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal, Protocol, TypeVar

from ttr.archive import history
from ttr.archive.database import Database
from ttr.archive.errors import ArchiveUnavailable
from ttr.archive.history import Connection, RunTimes, Window
from ttr.domain.check import Check
from ttr.domain.flip import Flip
from ttr.domain.uptime import YEAR, History
from ttr.store import flips, pings
from ttr.store.check_log import CheckLog
from ttr.store.ping_log import PingEntry
from ttr.store.redis import Store

Reach = Literal["complete", "unavailable", "off"]
"""Whether all that is kept of what was asked for is there: "unavailable" while Postgres, which has the rest, can't be
read, "off" where there is no Postgres."""
Entry = TypeVar("Entry", bound=PingEntry | Flip)


class _Older(Protocol[Entry]):
    async def __call__(self, connection: Connection, edge: int, lacking: int) -> list[Entry]: ...


@dataclass(frozen=True, slots=True)
class Page(Generic[Entry]):
    """Some entries, newest first."""

    entries: list[Entry]
    before: int | None
    """The number to go on before; None when nothing older is kept."""
    total: int
    """How many there have been."""
    reach: Reach


async def page_pings(
    store: Store,
    archive: Database | None,
    check: Check,
    *,
    size: int,
    before: int | None = None,
    kinds: Sequence[str] = (),
) -> Page[PingEntry]:
    """The newest `size` pings, of those numbered below `before` if it is given, of `kinds` or of any.

    Postgres is asked only for what a page lacks. Raises NotFound.
    """
    page = await pings.page_pings(store, check, size=size, before=before, kinds=kinds)
    kept = Page(page.pings, page.before, page.total, "complete")

    async def older(connection: Connection, edge: int, lacking: int) -> list[PingEntry]:
        return await history.older_pings(connection, check, before=edge, size=lacking, kinds=kinds)

    return await _go_on(archive, check, kept, Window(pings_from=page.kept_from), size, before, older)


async def page_flips(
    store: Store, archive: Database | None, check: Check, *, size: int, before: int | None = None
) -> Page[Flip]:
    """The newest `size` changes, of those numbered below `before` if it is given; as `page_pings`. Raises NotFound."""
    page = await flips.read_flips(store, check, size=size, before=before)
    kept = Page(page.flips, page.before, page.total, "complete")

    async def older(connection: Connection, edge: int, lacking: int) -> list[Flip]:
        return await history.older_flips(connection, check, before=edge, size=lacking)

    return await _go_on(archive, check, kept, Window(flips_from=page.kept_from), size, before, older)


async def _go_on(
    archive: Database | None,
    check: Check,
    page: Page[Entry],
    window: Window,
    size: int,
    before: int | None,
    older: "_Older[Entry]",
) -> Page[Entry]:
    """A page of what Redis keeps, filled up from Postgres: `older` reads so many below an edge."""
    if archive is None:
        return replace(page, reach="off")
    # Of the two numbers one is 1: a question is about pings or about changes.
    kept_from = max(window.pings_from, window.flips_from)
    edge = kept_from if before is None else min(kept_from, before)
    if page.before is not None or edge < 2:
        return page
    if len(page.entries) == size:
        return replace(page, before=edge)
    try:
        lacking = size - len(page.entries) + 1
        more: list[Entry] = await history.ask(
            archive, check, window, lambda connection: older(connection, edge, lacking)
        )
    except ArchiveUnavailable:
        return replace(page, before=edge, reach="unavailable")
    found = [*page.entries, *more]
    last = found[size - 1].number if len(found) > size else None
    return Page(found[:size], last, page.total, "complete")


FLIPS_MOST = 20_000
"""Changes of one check that are read at once: 55 a day for a year. To read them takes 70 ms, to work uptime out
from them 0.2 s, for which a thread is there: pings go on meanwhile."""


async def read_year(store: Store, archive: Database | None, check: Check, now: int) -> tuple[History, Reach]:
    """What is kept of a check's statuses in the year before `now` (ms), and of our gaps. Raises NotFound.

    Postgres is asked only if the changes that Redis keeps do not reach so far; of a shorter time Redis has the sums.
    """
    kept = await flips.read_history(store, check)
    if archive is None:
        return kept, "off"
    if reaches(kept, now):
        return kept, "complete"
    edge = kept.flips[-1].number

    async def older(connection: Connection) -> History:
        return await _with_year(connection, check, kept, now)

    try:
        return await history.ask(archive, check, Window(flips_from=edge), older), "complete"
    except ArchiveUnavailable:
        return kept, "unavailable"


@dataclass(frozen=True, slots=True)
class RunSpan:
    """From when until when, and in which stretches; ms."""

    since: int
    until: int
    step_ms: int


async def read_past(
    archive: Database, check: Check, log: CheckLog, kept: History, span: RunSpan, now: int
) -> tuple[list[RunTimes], History]:
    """Run times of a span, and the history of a year, by one connection. Raises ArchiveUnavailable."""
    window = _window(log)

    async def past(connection: Connection) -> tuple[list[RunTimes], History]:
        runs = await history.run_times(
            connection,
            check,
            log.pings,
            below=window.pings_from,
            since=span.since,
            until=span.until,
            step_ms=span.step_ms,
        )
        return runs, kept if reaches(kept, now) else await _with_year(connection, check, kept, now)

    return await history.ask(archive, check, window, past)


def reaches(kept: History, now: int) -> bool:
    """Whether the changes that are there reach back a year, or to the first one."""
    return not kept.flips or kept.flips[-1].number < 2 or kept.flips[-1].at <= now - YEAR["365d"]


async def _with_year(connection: Connection, check: Check, kept: History, now: int) -> History:
    more = await history.flips_since(
        connection, check, since=now - YEAR["365d"], below=kept.flips[-1].number, most=FLIPS_MOST
    )
    return replace(kept, flips=[*kept.flips, *more])


@dataclass(frozen=True, slots=True)
class Stretch:
    """Pings or changes numbered below a number: the newest of them, or with `since` the oldest from that number on."""

    below: int
    since: int | None = None
    kinds: tuple[str, ...] = ()
    """Of pings; none: all."""


@dataclass(frozen=True, slots=True)
class Lack:
    """What a page of a log lacks from Postgres: of each at most `size`."""

    pings: Stretch | None
    flips: Stretch | None
    size: int


async def fill_log(archive: Database, check: Check, log: CheckLog, lack: Lack) -> CheckLog:
    """A log as Redis keeps it, and behind it what a page of it lacks. Raises ArchiveUnavailable."""

    async def lacking(connection: Connection) -> tuple[list[PingEntry], list[Flip]]:
        return await _pings(connection, check, lack), await _flips(connection, check, lack)

    older, changes = await history.ask(archive, check, _window(log), lacking)
    return replace(log, pings=[*log.pings, *older], flips=[*log.flips, *changes])


_AROUND = 50


async def read_around(archive: Database, check: Check, log: CheckLog, number: int) -> CheckLog:
    """What surrounds a ping that has left Redis: up to 50 pings on either side, and the changes of its instant; none of
    both if it is not kept. Raises ArchiveUnavailable.
    """
    window = _window(log)

    async def around(connection: Connection) -> tuple[list[PingEntry], list[Flip]]:
        edge = min(window.pings_from, number + _AROUND + 1)
        found = await history.older_pings(connection, check, before=edge, size=2 * _AROUND + 1)
        at = next((one.at for one in found if one.number == number), None)
        if at is None:
            return [], []
        return found, await history.flips_at(connection, check, at=at, below=window.flips_from)

    found, changes = await history.ask(archive, check, window, around)
    return replace(log, pings=found, flips=[*log.flips, *changes])


def _window(log: CheckLog) -> Window:
    return Window(
        log.pings[-1].number if log.pings else log.ping_count + 1, log.flips[-1].number if log.flips else 1
    )


async def _pings(connection: Connection, check: Check, lack: Lack) -> list[PingEntry]:
    if lack.pings is None:
        return []
    below, since, kinds = lack.pings.below, lack.pings.since, lack.pings.kinds
    if since is None:
        return await history.older_pings(connection, check, before=below, size=lack.size, kinds=kinds)
    return await history.newer_pings(connection, check, since=since, below=below, size=lack.size, kinds=kinds)


async def _flips(connection: Connection, check: Check, lack: Lack) -> list[Flip]:
    if lack.flips is None:
        return []
    below, since = lack.flips.below, lack.flips.since
    if since is None:
        return await history.older_flips(connection, check, before=below, size=lack.size)
    return await history.newer_flips(connection, check, since=since, below=below, size=lack.size)
