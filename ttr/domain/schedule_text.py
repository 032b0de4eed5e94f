"""The door for schedule text a user typed: one error type, length limits, plain ASCII lines."""

import re

SCHEDULE_TEXT_MAX = 200
SCHEDULE_LINES_MAX = 10

# `\Z`, not `$`: `$` would let one trailing newline through.
_PLAIN = re.compile(r"[\t\n\x20-\x7e]*\Z")
_QUOTABLE = re.compile(r"[\x20-\x7e]{1,64}\Z")


class ScheduleError(ValueError):
    """A schedule the user must correct; `str(error)` is one plain sentence for that user."""


def quoted(word: str) -> str:
    """The word in quotes, led by a blank, to put in a sentence; '' if it is long or not printable ASCII."""
    return f" '{word}'" if _QUOTABLE.match(word) else ""


def clean_lines(text: str | None, what: str) -> list[str]:
    """The non-empty lines of `text`, blanks collapsed to one space.

    `what` names the text in the sentences ("cron expression"). Raises ScheduleError for missing or
    over-long text, too many lines, control characters and anything beyond ASCII (a pasted no-break
    space or full-width digit would otherwise look right and mean something else).
    """
    if text is None:
        raise ScheduleError(f"The {what} is missing.")
    text = text.replace("\r\n", "\n").strip(" \t\n")
    if len(text) > SCHEDULE_TEXT_MAX:
        raise ScheduleError(f"The {what} is longer than {SCHEDULE_TEXT_MAX} characters.")
    if not text.isascii():
        raise ScheduleError(f"The {what} may only contain plain ASCII characters.")
    if not _PLAIN.match(text):
        raise ScheduleError(f"The {what} contains control characters.")
    lines = [" ".join(line.split()) for line in text.split("\n") if line.strip()]
    if not lines:
        raise ScheduleError(f"The {what} is missing.")
    if len(lines) > SCHEDULE_LINES_MAX:
        raise ScheduleError(f"The {what} has more than {SCHEDULE_LINES_MAX} lines.")
    return lines
