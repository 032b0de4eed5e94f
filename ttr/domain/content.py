"""Content rules: what a ping's body must, or must not, contain.

Plain rules ask whether the text is contained. Regular expressions run on RE2, which is linear in the
body's length whatever the pattern (a pattern that hangs Python's `re` takes RE2 19 microseconds).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import re2

from ttr.domain.limits import CONTENT_RULE_MAX

# RE2 is linear in body times program: a program of 500 instructions takes at most 3 ms for 100 kB, one of 1,000
# has been seen to take 926 ms, and a 3,000-fold optional 4.5 s, in which nobody else is served.
PROGRAM_MAX = 500
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
    """The sentence that says how `body` breaks the rule, or None when it keeps it."""
    needle = rule.text.encode()
    found = _compile(rule.text).search(body) is not None if rule.regex else needle in body
    if rule.kind == "present" and not found:
        return "the content lacks what its rule asks for"
    if rule.kind == "absent" and found:
        return "the content has what its rule forbids"
    return None


@lru_cache(maxsize=1_000)
def _compile(pattern: str) -> Any:
    return re2.compile(pattern.encode(), _OPTIONS)
