"""Content rules."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttr.domain.content import ContentRule, RuleError, check_rule, violation
from ttr.domain.limits import CONTENT_RULE_MAX


@pytest.mark.parametrize(
    ("text", "regex", "body", "found"),
    [
        ("done", False, b"all done.", True),
        ("done", False, b"Done", False),
        ("done", False, b"", False),
        ("a.c", False, b"abc", False),
        ("a.c", True, b"abc", True),
        ("a.c", True, b"a\nc", True),
        ("^ok$", True, b"ok", True),
        ("^ok$", True, b"not ok", False),
        ("(?i)ERROR", True, b"an error", True),
        ("(?m)^end$", True, b"x\nend\ny", True),
        ("\u00e9", False, "\u00e9t\u00e9".encode(), True),
        ("\u00e9", False, "\u00e9t\u00e9".encode("latin-1"), False),
        ("x{2}", True, b"\xff\x00xx\xfe", True),
        ("ok", False, b"\xff\xfeok\x00", True),
        ("[0-9]+ rows", True, "\u0661 rows".encode(), False),
    ],
)
def test_a_rule_says_what_must_or_must_not_be_there(text: str, regex: bool, body: bytes, found: bool) -> None:
    lacks, has = ("it does not match", "it matches") if regex else ("it lacks", "it holds")
    assert violation(ContentRule(text, "present", regex), body) == (None if found else f'{lacks} "{text}"')
    assert violation(ContentRule(text, "absent", regex), body) == (f'{has} "{text}"' if found else None)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("a\nb\t\u202ec", "a b c"),
        ("x" * 100, "x" * 100),
        ("x" * 101, "x" * 99 + "\u2026"),
        ("\U0001f600" * 90, "\U0001f600" * 50 + "\u2026"),
    ],
)
def test_a_rule_is_named_on_one_line_that_the_log_can_hold(text: str, named: str) -> None:
    said = violation(ContentRule(text, "present", False), b"") or ""
    assert said == f'it lacks "{named}"'
    assert len(said.encode()) <= 255


@pytest.mark.parametrize(
    "text",
    ["(", "[a", "a{2,1}", "(?=x)", r"(a)\1", "(?P<n>", "*", "((x{100}){100}){100}", "x{1001}", "(?<!x)y"],
)
def test_an_expression_that_re2_does_not_take_is_refused_with_its_reason(text: str) -> None:
    with pytest.raises(RuleError, match=r"^Not a regular expression that RE2 understands: .+\.$"):
        check_rule(ContentRule(text, "present", True))
    check_rule(ContentRule(text, "present", False))


def test_a_rule_has_a_greatest_length() -> None:
    for regex in (False, True):
        longest = "[x]" + "|" * (CONTENT_RULE_MAX - 3) if regex else "x" * CONTENT_RULE_MAX
        check_rule(ContentRule(longest, "present", regex))
        with pytest.raises(RuleError, match=r"^At most 1000 characters\.$"):
            check_rule(ContentRule("x" * (CONTENT_RULE_MAX + 1), "present", regex))


def test_an_expression_has_a_greatest_program() -> None:
    check_rule(ContentRule("(?:a?){100}", "present", True))
    with pytest.raises(RuleError, match="too large"):
        check_rule(ContentRule("(?:a?){1000}" * 3 + "\\x00", "present", True))


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)+$", "(a|a?)+$", "(.*a){20}$", "(x+x+)+y"])
def test_an_expression_that_would_hang_a_backtracker_ends(pattern: str) -> None:
    rule = ContentRule(pattern, "present", True)
    check_rule(rule)
    began = time.process_time()
    violation(rule, b"a" * 99_999 + b"b")
    # A backtracking engine would need longer than the universe has; this is no measurement.
    assert time.process_time() - began < 30


@given(st.text(min_size=1, max_size=30), st.binary(max_size=100), st.booleans())
def test_whatever_passes_the_check_can_judge_any_bytes(text: str, body: bytes, regex: bool) -> None:
    try:
        text.encode()
        rule = ContentRule(text, "present", regex)
        check_rule(rule)
    except (RuleError, UnicodeEncodeError):
        return
    lacking = violation(rule, body) is not None
    assert lacking == (violation(ContentRule(text, "absent", regex), body) is None)
