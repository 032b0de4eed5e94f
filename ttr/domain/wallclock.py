"""Wall times to instants: what a schedule written in local time means where clocks are changed.

A `Walk` knows a calendar and no zone: from a naive wall time it finds the next matching one. The two
functions here carry that answer over the days on which an hour is skipped or comes twice.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

Walk = Callable[[datetime], datetime | None]

_SECOND = timedelta(seconds=1)
# The longest repeated stretch in use is two hours (Antarctica/Troll). Debian cron, too, takes only
# changes below three hours for daylight saving.
_LONGEST_REPEAT = timedelta(hours=3)
# A zone skips at most two stretches a year, so this looks some 50 years ahead, as croniter does. Without
# a bound, a schedule whose times are all skipped (`*/5 3 * 3 0L` in Europe) would be searched for ever.
_GAPS_MAX = 100


# Instants are datetimes in UTC, wall times are naive.


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return _wall(instant, zone) - instant.replace(tzinfo=None)


def _change(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The first second in (low, high] whose offset is not that of `low`; `high` must have another one."""
    before = _offset(low, zone)
    while high - low > _SECOND:
        middle = low + (high - low) // 2 // _SECOND * _SECOND
        if _offset(middle, zone) == before:
            low = middle
        else:
            high = middle
    return high


def _readings(wall: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """`wall` as UTC by the offset before and by the offset after a change (equal away from changes)."""
    before = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return before, after


def _instants(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """The instants at which clocks show `wall`, in order: none in a gap, two in a repeated hour, else one."""
    return [t for t in sorted(set(_readings(wall, zone))) if _wall(t, zone) == wall]


def _gap_end(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clocks jumped over `wall`, a time that does not exist."""
    before, after = _readings(wall, zone)
    return _change(after, before, zone)  # in a gap the old offset gives the later instant


def _end_of_first_pass(after: datetime, zone: ZoneInfo) -> datetime:
    """`after`, or the last second of the first pass if `after` lies in the second pass of a repeated hour."""
    local = after.astimezone(zone)
    if not local.fold:
        return after
    earlier, _ = _readings(local.replace(tzinfo=None), zone)
    return _change(earlier, after, zone) - _SECOND


def next_change(after: datetime, until: datetime, zone: ZoneInfo) -> tuple[datetime, timedelta] | None:
    """The first instant in (after, until] at which the zone's clocks are changed, and by how much; None without one.

    Looked for a day at a time: two changes within a day that undo each other are not seen.
    """
    while after < until:
        day = min(after + timedelta(days=1), until)
        if _offset(day, zone) != _offset(after, zone):
            at = _change(after, day, zone)
            return at, _offset(at, zone) - _offset(at - _SECOND, zone)
        after = day
    return None


def next_once(walk: Walk, after: datetime, zone: ZoneInfo, *, catch_up: bool) -> datetime | None:
    """The first instant strictly after `after` for times that are due once per date.

    A time in a repeated hour is due in the first pass only. A time in a skipped hour is due at the end of
    the gap if `catch_up`, else not at all that day. `after` and the result are in UTC, on a whole second.
    None if `walk` finds nothing, or only gaps for about 50 years.
    """
    wall = _wall(_end_of_first_pass(after, zone), zone)
    for _ in range(_GAPS_MAX):
        found = walk(wall)
        if found is None:
            return None
        if instants := _instants(found, zone):
            return instants[0]
        end = _gap_end(found, zone)
        if catch_up:
            return end
        wall = _wall(end, zone) - _SECOND
    return None


def next_by_the_clock(walk: Walk, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The first instant strictly after `after` at which the clock on the wall shows a matching time.

    A repeated hour counts twice, a skipped hour not at all. Units and None as in `next_once`.
    """
    due = _next_at_later_wall(walk, after, zone)
    soon = after + _LONGEST_REPEAT
    if _offset(soon, zone) < _offset(after, zone):
        # The clocks go back shortly, so wall times before the present one may still come again.
        change = _change(after, soon, zone)
        again = walk(_wall(change, zone) - _SECOND)
        if again is not None:
            repeated = (again - _offset(change, zone)).replace(tzinfo=UTC)
            if _wall(repeated, zone) == again and (due is None or repeated < due):
                return repeated
    return due


def _next_at_later_wall(walk: Walk, after: datetime, zone: ZoneInfo) -> datetime | None:
    wall = _wall(after, zone)
    for _ in range(_GAPS_MAX):
        found = walk(wall)
        if found is None:
            return None
        if instants := _instants(found, zone):
            # In the second pass the first reading of `found` is over and the second is still to come.
            return next(t for t in instants if t > after)
        wall = _wall(_gap_end(found, zone), zone) - _SECOND
    return None
