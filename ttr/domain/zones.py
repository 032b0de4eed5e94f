"""Time zones by their IANA names, and how an instant reads on a wall there."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from ttr.domain.schedule_text import ScheduleError, quoted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Files some systems keep among the zones: the machine's own setting, a placeholder, leap second variants.
_ODD_NAMES = frozenset({"localtime", "Factory", "posixrules"})
_ODD_FOLDERS = ("posix/", "right/", "SystemV/")


@cache
def zone_names() -> frozenset[str]:
    """Every zone name a schedule may carry; read from the zone database once per process."""
    return frozenset(
        name
        for name in zoneinfo.available_timezones()
        if name not in _ODD_NAMES and not name.startswith(_ODD_FOLDERS)
    )


@cache
def _names_by_lower_case() -> dict[str, str]:
    return {name.lower(): name for name in zone_names()}


def find_zone(name: str) -> ZoneInfo:
    """The zone of that name, in any case; its `key` is the database's spelling. Raises ScheduleError.

    Only listed names pass, so a path such as ../../etc/passwd never reaches a file.
    """
    if not name:
        raise ScheduleError("The time zone is missing.")
    known = _names_by_lower_case().get(name.lower()) if name.isascii() else None
    if known is None:
        raise ScheduleError(f"Unknown time zone{quoted(name)}.")
    return _load(known)


# zoneinfo itself holds on to eight zones only and would read the others' files again and again.
@cache
def _load(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def from_ms(ms: int) -> datetime:
    """The UTC datetime of `ms`, milliseconds since the epoch."""
    return _EPOCH + timedelta(milliseconds=ms)


def to_ms(instant: datetime) -> int:
    """Milliseconds since the epoch of an aware datetime."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def wall_time(ms: int, tz: str) -> str:
    """How `ms` (UTC milliseconds) reads in zone `tz`: '2026-03-29 04:00:00 EEST (+03:00)'.

    A zone without letters for a name ('+0545') shows the offset alone. Raises ScheduleError for
    an unknown zone.
    """
    local = from_ms(ms).astimezone(find_zone(tz))
    name = local.strftime("%Z")
    shown = f"{name} " if name[:1].isalpha() else ""
    offset = local.isoformat(timespec="seconds").removeprefix(f"{local:%Y-%m-%dT%H:%M:%S}")
    return f"{local:%Y-%m-%d %H:%M:%S} {shown}({offset})"
