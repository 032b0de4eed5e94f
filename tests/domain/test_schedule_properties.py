"""Schedules against independent oracles: cronsim, a clock read every minute, the oncalendar library."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from oncalendar import TzIterator

from ttr.domain.schedule import (
    Schedule,
    ScheduleError,
    due_interval,
    next_due,
    parse_schedule,
    preview,
    zone_names,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
# Changes of half an hour, at a quarter to, at midnight, of two hours, downwards in summer.
ODD_ZONES = [
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "America/Santiago",
    "Europe/Dublin",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "America/Havana",
    "Africa/Cairo",
    "Asia/Beirut",
]
KNOWN_ZONES = ["Europe/Riga", "America/New_York"]


def examples(count: int) -> settings:
    return settings(max_examples=count, derandomize=True, deadline=None, database=None)


def to_ms(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(milliseconds=1)


def from_ms(value: int) -> datetime:
    return EPOCH + timedelta(milliseconds=value)


def offset(instant: datetime, tz: str) -> timedelta:
    return instant.astimezone(ZoneInfo(tz)).replace(tzinfo=UTC) - instant


@cache
def changes(tz: str) -> tuple[datetime, ...]:
    """The instants from which `tz` has another offset, to the minute, FIRST to LAST."""
    found = []
    for number in range((LAST - FIRST).days):
        before, after = FIRST + timedelta(number), FIRST + timedelta(number + 1)
        old = offset(before, tz)
        if old == offset(after, tz):
            continue
        while after - before > MINUTE:
            middle = before + (after - before) // 2 // MINUTE * MINUTE
            before, after = (middle, after) if offset(middle, tz) == old else (before, middle)
        found.append(after)
    return tuple(found)


@st.composite
def places(draw: DrawFn) -> tuple[str, datetime]:
    """A zone and an instant, to the second: mostly within a day of a change of that zone's clocks."""
    tz = draw(st.sampled_from(ODD_ZONES + KNOWN_ZONES) | st.sampled_from(sorted(zone_names())))
    second: timedelta = draw(st.sampled_from([0, 0, 0, 1, 30, 59])) * SECOND
    near = changes(tz)
    if near and draw(st.integers(0, 3)) > 0:
        change: datetime = draw(st.sampled_from(near))
        return tz, change + draw(st.integers(-1600, 1600)) * MINUTE + second
    minutes: int = draw(st.integers(0, (LAST - FIRST) // MINUTE))
    return tz, FIRST + minutes * MINUTE + second


@dataclass(frozen=True)
class Field:
    """A field's text and its meaning, made together: no parser is needed to know what the text means."""

    text: str
    values: frozenset[int]


@st.composite
def fields(draw: DrawFn, low: int, high: int, *, stars: int, usual: int | None = None) -> Field:
    """A field for low..high, a star `stars` times in ten; listed values stay below `usual`."""
    kind = draw(st.integers(0, 9))
    if kind < stars:
        return Field("*", frozenset(range(low, high + 1)))
    step = draw(st.integers(1, high))
    if kind == 9:
        return Field(f"*/{step}", frozenset(range(low, high + 1, step)))
    texts: list[str] = []
    values: set[int] = set()
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(low, usual or high))
        last = draw(st.integers(first, usual or high))
        text, meant = draw(
            st.sampled_from(
                [
                    (f"{first}", range(first, first + 1)),
                    (f"{first:02}", range(first, first + 1)),
                    (f"{first}-{last}", range(first, last + 1)),
                    (f"{first}-{last}/{step}", range(first, last + 1, step)),
                    (f"{first}/{step}", range(first, high + 1, step)),
                ]
            )
        )
        texts.append(text)
        values.update(meant)
    return Field(",".join(texts), frozenset(values))


@dataclass(frozen=True)
class Cron:
    minute: Field
    hour: Field
    day: Field
    month: Field
    weekday: Field

    @property
    def text(self) -> str:
        return " ".join(field.text for field in (self.minute, self.hour, self.day, self.month, self.weekday))

    @property
    def fixed(self) -> bool:
        return not self.minute.text.startswith("*") and not self.hour.text.startswith("*")

    def on(self, day: date) -> bool:
        by_day = day.day in self.day.values
        by_weekday = not self.weekday.values.isdisjoint({day.isoweekday(), day.isoweekday() % 7})
        narrowed = self.day.text.startswith("*") or self.weekday.text.startswith("*")
        on_day = by_day and by_weekday if narrowed else by_day or by_weekday
        return on_day and day.month in self.month.values

    def at(self, wall: datetime) -> bool:
        return wall.minute in self.minute.values and wall.hour in self.hour.values and self.on(wall.date())


def crons(day_stars: int) -> SearchStrategy[Cron]:
    """Random expressions. Half of the hours lie at night, when clocks are changed."""
    return st.builds(
        Cron,
        fields(0, 59, stars=2),
        fields(0, 23, stars=3) | fields(0, 23, stars=2, usual=4),
        fields(1, 31, stars=day_stars),
        fields(1, 12, stars=day_stars + 1),
        fields(0, 7, stars=day_stars),
    )


def read(kind: str, text: str, tz: str, now: datetime) -> Schedule | None:
    """The schedule, or None if it is refused as never due again; any other refusal is a failure."""
    try:
        return parse_schedule(kind, interval_seconds=None, expression=text, tz=tz, now=to_ms(now))
    except ScheduleError as error:
        if str(error).endswith(("never comes due.", "has no due time in the future.")):
            return None
        raise


@lru_cache(maxsize=8)
def ticks(tz: str, start: datetime, minutes: int) -> list[tuple[datetime, list[datetime], list[datetime]]]:
    """Each minute's instant, what the wall shows, and what a fixed-time job must look at.

    The last is the wall time in the first pass, nothing in the second, and at the end of a skipped
    stretch all its wall times too.
    """
    zone = ZoneInfo(tz)
    found = []
    before = start.astimezone(zone).replace(tzinfo=None)
    for number in range(1, minutes + 1):
        instant = start + number * MINUTE
        local = instant.astimezone(zone)
        wall = local.replace(tzinfo=None)
        skipped = [before + n * MINUTE for n in range(1, (wall - before) // MINUTE)]
        found.append((instant, [wall], [] if local.fold else [*skipped, wall]))
        before = wall
    return found


# The window holds the day of a change and the night after; 40 due times in it are compared.
@examples(300)
@given(crons(day_stars=8), places())
def test_cron_agrees_with_a_clock_that_looks_every_minute(cron: Cron, place: tuple[str, datetime]) -> None:
    tz, start = place
    window = ticks(tz, start.replace(second=0), 36 * 60)
    expected = [
        instant
        for instant, shown, fixed in window
        if instant > start and any(cron.at(wall) for wall in (fixed if cron.fixed else shown))
    ]
    schedule = read("cron", cron.text, tz, start)
    if schedule is None:
        assert not expected
        return
    due = [from_ms(t) for t in preview(schedule, to_ms(start), 40)]
    assert [t for t in due if t <= window[-1][0]] == expected[: len(due)]


class Stuck(Exception):
    pass


class BoundedCronSim(CronSim):
    """cronsim, which repeats a stretch of time for ever around some changes, with an end to it."""

    steps = 0

    def tick(self, seconds: int = 1) -> None:
        self.steps += 1
        if self.steps > 20_000:
            raise Stuck
        super().tick(seconds)


def exists(instant: datetime) -> bool:
    return instant.astimezone(UTC).astimezone(instant.tzinfo).replace(tzinfo=None) == instant.replace(
        tzinfo=None
    )


@cache
def suits_cronsim(tz: str) -> bool:
    """Whether the clocks of `tz` change by and at whole hours, never at midnight.

    cronsim steps by whole UTC hours, and by dates to a midnight that may have been skipped: it then misses a
    whole day. The clock read every minute covers the other zones.
    """
    for change in changes(tz):
        before = change - MINUTE + offset(change - MINUTE, tz) + MINUTE
        after = change + offset(change, tz)
        if (after - before) % HOUR or (after - EPOCH) % HOUR or 0 in (before.hour, after.hour):
            return False
    return True


WEEKDAYS = st.sampled_from(["5L", "0L", "7L", "1#1", "6#5", "1#2,3#4", "1L,2#3", "mon-fri", "SUN", "tue,thu"])


@examples(700)
@given(crons(day_stars=5), places(), st.none() | WEEKDAYS)
def test_cron_agrees_with_cronsim(cron: Cron, place: tuple[str, datetime], weekday: str | None) -> None:
    tz, start = place
    assume(suits_cronsim(tz))
    assume(not re.search(r"\b0?(\d+)-\1/", cron.text))  # cronsim reads 5-5/2 as 5/2, not as 5
    text = (
        cron.text if weekday is None else f"{cron.minute.text} {cron.hour.text} * {cron.month.text} {weekday}"
    )
    try:
        answer = next(BoundedCronSim(text, start.astimezone(ZoneInfo(tz))), None)
    except CronSimError:
        answer = None  # what it can tell is never due
    except Stuck:
        assume(False)
    # Aware times in a repeated hour never equal those of another zone: compare in UTC only.
    expected = None if answer is None else answer.astimezone(UTC)
    if answer is not None and expected is not None:
        # Its known faults: a time at or before the start, and a wall time that does not exist.
        assume(expected > start and exists(answer))
    schedule = read("cron", text, tz, start)
    due = None if schedule is None else next_due(schedule, to_ms(start))
    assert (None if due is None else from_ms(due)) == expected


ONCALENDAR = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "", "Mon..Fri ", "Sun ", "Sat,Sun "]),
    st.sampled_from(["", "", "*-*-* ", "*-*-01 ", "*-03,10-* ", "*-*~01 ", "2027-*-* ", "*-02-29 "]),
    st.sampled_from(
        [
            "*:*:*",
            "*:00",
            "*:0/15",
            "02:30",
            "03:30",
            "01..03:00/7",
            "00:00",
            "0/2:30",
            "23:59:59",
            "*:*:30",
            "1:45",
        ]
    ),
)
LINES = st.lists(
    st.tuples(ONCALENDAR, st.sampled_from(["", "", " Europe/Riga", " Australia/Lord_Howe"])),
    min_size=1,
    max_size=3,
)


@examples(250)
@given(LINES, places())
def test_oncalendar_agrees_with_the_library(
    lines: list[tuple[str, str]], place: tuple[str, datetime]
) -> None:
    tz, start = place
    expected = []
    for when, zone in lines:
        times = islice(TzIterator(f"{when}{zone or ' ' + tz}", start), 8000)
        # Started in the second pass of a repeated hour, the library repeats the first one's times.
        expected.append(next((t for t in times if t > start), None))
    text = "\n".join(when + zone for when, zone in lines)
    schedule = read("oncalendar", text, tz, start)
    if schedule is None:
        assert None in expected
        return
    assert next_due(schedule, to_ms(start)) == min(to_ms(t) for t in expected if t is not None)


SCHEDULES = crons(day_stars=6).map(lambda cron: ("cron", cron.text)) | ONCALENDAR.map(
    lambda text: ("oncalendar", text)
)


@examples(250)
@given(SCHEDULES, places(), st.integers(0, 999), st.lists(st.floats(0, 1, exclude_max=True), max_size=4))
def test_due_times_only_grow_and_hold_until_they_come(
    what: tuple[str, str], place: tuple[str, datetime], millisecond: int, fractions: list[float]
) -> None:
    tz, start = place
    now = to_ms(start) + millisecond
    schedule = read(*what, tz, start)
    assume(schedule is not None)
    assert schedule is not None
    times = preview(schedule, now, 5)
    assert all(a < b for a, b in zip([now, *times], times, strict=False))
    begin, due = due_interval(schedule, now)
    assert begin <= now
    if due is None:
        assert not times
        return
    assert due == times[0]
    inside = [begin, due - 1, *(begin + int((due - begin) * fraction) for fraction in fractions)]
    assert {next_due(schedule, t) for t in inside} == {due}
