"""Content rules: what a ping's body must, or must not, contain.

Plain rules ask whether the text is contained. Regular expressions run on RE2, which is linear in the
body's length whatever the pattern (a pattern that hangs Python's `re` takes RE2 19 microseconds).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import re2

from ttr.domain.alert import one_line
from ttr.domain.limits import CONTENT_RULE_MAX

# RE2 is linear in body times program: a program of 500 instructions takes at most 3 ms for 100 kB, one of 1,000
# has been seen to take 926 ms, and a 3,000-fold optional 4.5 s, in which nobody else is served.
PROGRAM_MAX = 500
NAMED_MAX = 100
"""Characters of a rule that a sentence about it shows."""
_NAMED_BYTES = 200  # a line of the ping log keeps 255 bytes of the sentence
# 1 MiB of automaton a pattern: patterns that would need more are refused when saved.
_OPTIONS = re2.Options()
_OPTIONS.max_mem = 1 << 20
_OPTIONS.log_errors = False
_OPTIONS.dot_nl = True


class RuleError(ValueError):
    """The rule can't be used; the text is a sentence for its author."""


@dataclass(frozen=True, slots=True)
class ContentRule:
    """What a success must carry; `kind` says whether the text has to be there or must not be."""

    text: str
    kind: Literal["present", "absent"]
    regex: bool


def check_rule(rule: ContentRule) -> None:
    """Raise RuleError unless the rule can be evaluated."""
    if len(rule.text) > CONTENT_RULE_MAX:
        raise RuleError(f"At most {CONTENT_RULE_MAX} characters.")
    if rule.regex:
        try:
            size = _compile(rule.text).programsize
        except re2.error as error:
            reason = error.args[0] if error.args else "not understood"
            words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise RuleError(f"Not a regular expression that RE2 understands: {words}.") from None
        if size > PROGRAM_MAX:
            raise RuleError("This regular expression is too large: use fewer or smaller repetitions.")


def violation(rule: ContentRule, body: bytes) -> str | None:
    """How `body` breaks the rule, as the rest of a sentence about the job ('it lacks "done"'); None if it keeps it."""
    needle = rule.text.encode()
    found = _compile(rule.text).search(body) is not None if rule.regex else needle in body
    if rule.kind == "present" and not found:
        return f"it does not match {_named(rule)}" if rule.regex else f"it lacks {_named(rule)}"
    if rule.kind == "absent" and found:
        return f"it matches {_named(rule)}" if rule.regex else f"it holds {_named(rule)}"
    return None


def _named(rule: ContentRule) -> str:
    shown = one_line(rule.text, NAMED_MAX)
    if len(shown.encode()) > _NAMED_BYTES:
        shown = shown.encode()[:_NAMED_BYTES].decode("utf-8", "ignore").rstrip("\u2026") + "\u2026"
    return f'"{shown}"'


@lru_cache(maxsize=1_000)
def _compile(pattern: str) -> Any:
    return re2.compile(pattern.encode(), _OPTIONS)
