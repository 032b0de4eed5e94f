"""What a schedule does on the days on which its zone's clocks are changed, in sentences. Pure."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ttr.domain.cron import read_cron
from ttr.domain.oncalendar import read_oncalendar
from ttr.domain.schedule import Schedule, next_due
from ttr.domain.wallclock import next_change
from ttr.domain.zones import find_zone, from_ms, to_ms

_AHEAD = timedelta(days=366)


def clock_remarks(schedule: Schedule, now: int) -> list[str]:
    """A sentence for each change of clocks in the year after `now` (ms) that makes the schedule do something that its
    expression does not say. None for intervals, which know no clocks, nor for OnCalendar lines with a zone of
    their own.
    """
    if schedule.kind == "interval" or schedule.expression is None:
        return []
    if schedule.kind == "oncalendar":
        own = [line.when for line in read_oncalendar(schedule.expression) if line.zone is None]
        if not own:
            return []
        schedule = replace(schedule, expression="\n".join(own))
    zone = find_zone(schedule.tz)
    after, until = from_ms(now).replace(microsecond=0), from_ms(now).replace(microsecond=0) + _AHEAD
    found = []
    while (change := next_change(after, until, zone)) is not None:
        after, by = change
        wall = after.astimezone(zone).replace(tzinfo=None)
        # Clocks show the stretch between these two never, or twice.
        low, high = sorted((wall - by, wall)) if by > timedelta() else (wall, wall - by)
        if (remark := _remark(schedule, after, by, low, high)) is not None:
            found.append(remark)
    return found


def _remark(schedule: Schedule, at: datetime, by: timedelta, low: datetime, high: datetime) -> str | None:
    # In UTC nothing is skipped or repeated: what falls into the stretch there is what the expression names.
    named = next_due(replace(schedule, tz="UTC"), _naive_ms(low) - 1_000)
    if named is None or named >= _naive_ms(high):
        return None
    when, first, second = f"{high:%Y-%m-%d}", f"{low:%H:%M}", f"{high:%H:%M}"
    once = schedule.kind == "oncalendar" or read_cron(str(schedule.expression)).fixed
    if by > timedelta():
        begin = f"On {when} clocks skip from {first} to {second}"
        due = next_due(schedule, to_ms(at) - 1_000)
        if schedule.kind == "oncalendar":
            return f"{begin}: what falls in between is not due that day."
        if once:
            return f"{begin}: what falls in between is due at {second}."
        late = due is None or due - to_ms(at) >= by // timedelta(milliseconds=1)
        return f"{begin}: what falls in between is not due that day." if late else None
    begin = f"On {when} clocks go back from {second} to {first}"
    if once:
        return f"{begin}: what falls in between is due the first time only."
    return f"{begin}: what falls in between is due both times."


def _naive_ms(wall: datetime) -> int:
    return to_ms(wall.replace(tzinfo=UTC))
