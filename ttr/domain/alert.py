"""An alert's event, its JSON for the way to a channel, and how text and durations are cut for people. Pure."""

import json
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast, get_args

EventKind = Literal["down", "up", "reminder", "flapping", "settled", "test", "channel_off", "confirm"]
Reason = Literal["fail", "exit_status", "signal", "content", "overdue", "over_runtime", ""]

_LAST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z, the last moment a datetime can name
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_JOINERS = "\u200c\u200d"  # Persian, Indic scripts and emoji are spelled with them


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, complete enough to be worded without asking the store again.

    Times are milliseconds UTC, durations milliseconds. `id` stays the same over retries. `check_id` is 0 and
    `check_name` "" when it concerns no check: a test of a channel, `channel_off`, `confirm`.
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
    """The exit status, the signal's name, or the sentence of the content rule; may be "".

    For confirm: the address that is asked."""
    overdue_ms: int | None = None
    """How long past its due time, for overdue."""
    down_since: int | None = None
    """When it went down: for up, and for a down that was announced later than at its first failure."""
    down_ms: int | None = None
    """For up: how long it was down."""
    last_ping: int | None = None
    failure_count: int = 0
    output: str = ""
    """The end of the job's last output, at most 1,000 bytes of it; attacker's text."""
    status: str = ""
    """For flapping and settled: what it was then, up or down."""
    flips: int = 0
    """For flapping and settled: status changes so far."""
    reminders: int = 0
    """For reminder: which one since it went down, from 1."""
    may_acknowledge: bool = False
    """Whether reminders will follow, which a link in the message can end."""
    channel_name: str = ""
    """For channel_off: the channel that was turned off, and in `reason_detail` why, such as what its service said."""
    queued: bool = False
    """For test: whether it went through the queue."""
    origin: str = ""
    """Id of what set it off, for the log: of the request, or of the clock's look. No receiver is told."""


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
    """The event as one line of JSON, which `from_json` turns back into an equal event."""
    # Not as ASCII: an emoji would take 12 bytes instead of 4, in every queued copy.
    text = json.dumps(asdict(event), separators=(",", ":"), ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # half a character
        return json.dumps(asdict(event), separators=(",", ":"))
    return text


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
        raise ValueError(f"is none of {', '.join(get_args(EventKind))}")
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
    "output": _text,
    "status": _text,
    "flips": _number,
    "reminders": _number,
    "may_acknowledge": bool,
    "channel_name": _text,
    "queued": bool,
    "origin": _text,
}
