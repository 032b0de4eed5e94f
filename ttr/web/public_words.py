"""What public pages say about all their checks at once. Pure."""

from collections.abc import Callable

from ttr.domain.published import Overall
from ttr.domain.status_page import Level

_LEVELS: dict[Level, str] = {
    "info": "For your information",
    "maintenance": "Maintenance",
    "outage": "Outage",
    "resolved": "Resolved",
}


def overall_words(overall: Overall) -> str:
    """One line: "All 14 jobs are on time", "2 of 14 jobs are down, 1 is late", "The job is late"."""
    match overall.status:
        case "empty":
            return "Nothing is watched here yet"
        case "paused":
            return "Everything is paused"
        case "new":
            return "Waiting for the first signal"
    of = overall.total - overall.paused
    if overall.status == "up":
        if overall.up < of:
            return _some_new(overall)
        return "The job is on time" if of == 1 else f"All {of} jobs are on time"
    parts = [(overall.down, "down"), (overall.late, "late")]
    (first, word), *rest = [(count, word) for count, word in parts if count]
    if first == of:
        return f"The job is {word}" if of == 1 else f"All {of} jobs are {word}"
    words = f"{first} of {of} jobs {_are(first)} {word}"
    return words + "".join(f", {count} {_are(count)} {word}" for count, word in rest)


def _some_new(overall: Overall) -> str:
    return (
        f"{overall.up} {'job is' if overall.up == 1 else 'jobs are'} on time, {overall.new} not started yet"
    )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def level_word(level: Level) -> str:
    """What a notice is, in a word or two."""
    return _LEVELS[level]


FILTERS: dict[str, Callable[..., object]] = {
    "overall_words": overall_words,
    "level_word": level_word,
}
