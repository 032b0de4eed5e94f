"""The words of an alert: one event, one sentence, and its JSON for the way to a channel. Pure."""

import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast, get_args

EventKind = Literal["down", "up", "test"]
Reason = Literal["fail", "exit_status", "signal", "content", "overdue", "over_runtime", ""]

NAME_SHOWN = 200
DETAIL_SHOWN = 300

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z, the last moment a datetime can name
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_JOINERS = "\u200c\u200d"  # Persian, Indic scripts and emoji are spelled with them


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a check, complete enough to be worded without asking the store again.

    Times are milliseconds UTC, durations milliseconds. `id` stays the same over retries.
    """

    id: str
    kind: EventKind
    at: int
    check_id: int
    check_name: str
    check_slug: str | None = None
    tags: tuple[str, ...] = ()
    description: str = ""
    reason: Reason = ""
    """Why it went down; "" for up and test."""
    reason_detail: str = ""
    """The exit status, the signal's name, or the sentence of the content rule; may be ""."""
    overdue_ms: int | None = None
    """How long past its due time, for overdue."""
    down_since: int | None = None
    """When it went down: for up, and for a down that was announced later than at its first failure."""
    down_ms: int | None = None
    """For up: how long it was down."""
    last_ping: int | None = None
    failure_count: int = 0


def message(event: Event) -> str:
    """One plain sentence: what happened, since when and why; a recovery says how long it took.

    The result is one line without control characters, whatever the check's name or the job's output holds.
    """
    name = f'"{one_line(event.check_name, NAME_SHOWN)}"'
    if event.kind == "test":
        return f"This is a test for {name}: its alerts arrive here."
    if event.kind == "up":
        down_ms = event.down_ms
        if down_ms is None and event.down_since is not None:
            down_ms = event.at - event.down_since
        after = "" if down_ms is None else f" after {human_duration(down_ms)} of downtime"
        return f"{name} came back up at {_moment(event.at)}{after}."
    since = event.at if event.down_since is None else event.down_since
    count = f"; {event.failure_count} failures in a row" if event.failure_count > 1 else ""
    return f"{name} has been down since {_moment(since)}: {_why(event)}{count}."


def human_duration(ms: int) -> str:
    """A duration in its largest unit and the next smaller one, cut and not rounded: "4 min 10 s", "2 d".

    Below one second it is given in milliseconds; a negative one (clocks disagree) counts as "0 s".
    """
    if 0 < ms < 1000:
        return f"{ms} ms"
    seconds = max(ms, 0) // 1000
    for position, (size, unit) in enumerate(_UNITS):
        if seconds >= size:
            largest, rest = divmod(seconds, size)
            if position + 1 == len(_UNITS):
                return f"{largest} {unit}"
            next_size, next_unit = _UNITS[position + 1]
            smaller = rest // next_size
            return f"{largest} {unit} {smaller} {next_unit}" if smaller else f"{largest} {unit}"
    return "0 s"


def one_line(text: str, limit: int) -> str:
    """`text` as one line of at most `limit` characters, safe in any plain-text message.

    White space and controls become single spaces; format characters (direction overrides, invisible
    marks), surrogates and private-use characters vanish. What is cut off leaves an ellipsis.
    """
    kept = "".join(_printable(c) for c in text)
    line = " ".join(kept.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "\u2026"


def to_json(event: Event) -> str:
    """The event as one line of ASCII JSON, which `from_json` turns back into an equal event."""
    return json.dumps(asdict(event), separators=(",", ":"))


def from_json(text: str) -> Event:
    """The event in `text`. Raises ValueError with a sentence when it is not one.

    Unknown fields are ignored and missing optional ones take their defaults, so that processes of two
    versions can hand each other events during a deploy.
    """
    try:
        raw = json.loads(text)
    except RecursionError:
        raise ValueError("the event is nested too deeply") from None
    if not isinstance(raw, dict):
        raise ValueError("the event is not a JSON object")
    values: dict[str, Any] = {}
    for field in fields(Event):
        if field.name in raw:
            try:
                values[field.name] = _READERS[field.name](raw[field.name])
            except ValueError as error:
                raise ValueError(f"the event's {field.name} {error}") from None
    try:
        return Event(**values)
    except TypeError:
        missing = [name for name in ("id", "kind", "at", "check_id", "check_name") if name not in values]
        raise ValueError(f"the event lacks {', '.join(missing)}") from None


def _why(event: Event) -> str:
    detail = one_line(event.reason_detail, DETAIL_SHOWN).rstrip(".")
    match event.reason:
        case "exit_status":
            return f"it ended with exit status {detail or 'other than 0'}"
        case "signal":
            return f"it was ended by signal {detail}" if detail else "it was ended by a signal"
        case "content":
            return f"its output broke its rule ({detail})" if detail else "its output broke its rule"
        case "overdue":
            ago = None if event.overdue_ms is None else human_duration(event.overdue_ms)
            past = f", {ago} past its due time" if ago else ""
            last = "it never pinged" if event.last_ping is None else f"last ping {_moment(event.last_ping)}"
            return f"no ping came in time{past} ({last})"
        case "over_runtime":
            return f"it runs longer than allowed ({detail})" if detail else "it runs longer than allowed"
        case _:
            return f"it reported a failure ({detail})" if detail else "it reported a failure"


def _moment(ms: int) -> str:
    return f"{_EPOCH + timedelta(milliseconds=ms):%Y-%m-%d %H:%M:%S} UTC"


def _printable(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cc" or category[0] == "Z":
        return " "
    if category[0] == "C" and category != "Cn" and character not in _JOINERS:
        return ""
    return character


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is not text")
    return value


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(value)


def _number(value: object) -> int:
    # Lua has one kind of number: 3.0 is how a script may write 3.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("is not a whole number")
    return value


def _optional_number(value: object) -> int | None:
    return None if value is None else _number(value)


def _time(value: object) -> int:
    ms = _number(value)
    if not 0 <= ms <= _LAST_MS:
        raise ValueError("is not a time between 1970 and 9999")
    return ms


def _optional_time(value: object) -> int | None:
    return None if value is None else _time(value)


def _tags(value: object) -> tuple[str, ...]:
    # Lua's cjson writes an empty list as {}.
    if value == {}:
        return ()
    if not isinstance(value, list):
        raise ValueError("is not a list")
    return tuple(_text(item) for item in value)


def _kind(value: object) -> EventKind:
    if value not in get_args(EventKind):
        raise ValueError("is none of down, up, test")
    return cast(EventKind, value)


def _reason(value: object) -> Reason:
    # A newer version may know more reasons; the alert matters more than its cause.
    return cast(Reason, value) if value in get_args(Reason) else ""


_READERS: Mapping[str, Callable[[object], object]] = {
    "id": _text,
    "kind": _kind,
    "at": _time,
    "check_id": _number,
    "check_name": _text,
    "check_slug": _optional_text,
    "tags": _tags,
    "description": _text,
    "reason": _reason,
    "reason_detail": _text,
    "overdue_ms": _optional_number,
    "down_since": _optional_time,
    "down_ms": _optional_number,
    "last_ping": _optional_time,
    "failure_count": _number,
}
