"""Texts that would keep a process busy: regular expressions, schedules, Markdown, Unicode. Counted in CPU time, which
other work on the machine doesn't change, and ended by a signal when it is too much.
"""

import ast
import importlib
import json
import pkgutil
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from re import Pattern, _parser  # type: ignore[attr-defined]  # the standard library's own reading of a pattern
from typing import Any

import pytest

import ttr
from tests.attacks.conftest import Tried
from tests.attacks.world import Account
from ttr.domain import limits
from ttr.domain.badge import read_badge_query
from ttr.domain.check_input import parse_check_json
from ttr.domain.content import violation
from ttr.domain.folding import fold
from ttr.domain.invalid import Invalid
from ttr.domain.schedule import ScheduleError, next_due, parse_schedule
from ttr.domain.slug_hint import slug_hint
from ttr.now import now_ms
from ttr.web.client_hint import client_hint
from ttr.web.markdown import markdown
from ttr.web.shown_text import shown_text

SECONDS = 1.0
"""CPU time of one text; a backtracking expression needs years."""

_LONG = 3_000
"""Characters: what grows with the square of a text's length takes some 10 ms, with its cube half a minute."""
# What only we write: migrations, servers' own logs, our files.
_OURS = ("ttr.up.", "ttr.archive.migrations", "ttr.store.scripts", "ttr.store.marks", "ttr.web.patterns")


@contextmanager
def bounded(what: object) -> Iterator[None]:
    """Fail when what is done inside takes more than SECONDS of CPU time."""

    def stop(*_: object) -> None:
        raise AssertionError(f"{what!r:.200} takes too long")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def patterns() -> dict[Pattern[Any], str]:
    """Every regular expression of ours that may meet a text of users, and where it stands."""
    found: dict[Pattern[Any], str] = {}
    for info in pkgutil.walk_packages(ttr.__path__, "ttr."):
        if info.name.startswith(_OURS) or info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        for name, value in vars(module).items():
            if isinstance(value, Pattern):
                found.setdefault(value, f"{info.name}.{name}")
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.") and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str | bytes):
                    found.setdefault(re.compile(first.value), f"{info.name}:{node.lineno}")
                else:
                    # One that is put together must have a name in its module, by which it was found above.
                    assert ast.unparse(node.func) in ("re.compile", "re.escape"), (info.name, node.lineno)
    return found


def pumps(pattern: Pattern[Any]) -> list[str]:
    """Texts that the parts of a pattern match, alone and in pairs: repeated, they lead it into its loops."""
    literals: list[str] = []

    def collect(parsed: Any) -> None:
        for operation, given in parsed:
            match str(operation):
                case "LITERAL" | "NOT_LITERAL":
                    literals.append(chr(given if str(operation) == "LITERAL" else (given + 1) % 128))
                case "RANGE":
                    literals.append(chr(given[0]))
                case "IN":
                    collect(given)
                case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                    collect(given[2])
                case "SUBPATTERN":
                    collect(given[3])
                case "BRANCH":
                    for branch in given[1]:
                        collect(branch)
                case "ASSERT" | "ASSERT_NOT":
                    collect(given[1])
                case "CATEGORY":
                    literals.append({"CATEGORY_DIGIT": "7", "CATEGORY_SPACE": " "}.get(str(given), "w"))

    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    collect(_parser.parse(source, pattern.flags & ~re.UNICODE if isinstance(pattern.pattern, bytes) else 0))
    once = list(dict.fromkeys([*literals, "a", "0", " ", "\n"]))[:14]
    return [*once, *(a + b for a in once[:7] for b in once[:7] if a != b), "".join(literals)]


def test_every_expression_takes_time_in_proportion(tried: Tried) -> None:
    number = 0
    found = patterns()
    assert len(found) > 50
    for pattern, where in found.items():
        for pump in pumps(pattern):
            text: Any = (pump * _LONG)[:_LONG] + "\x00!"
            if isinstance(pattern.pattern, bytes):
                text = text.encode("latin-1", "replace")
            for way in (pattern.search, pattern.fullmatch):
                with bounded((where, pump)):
                    way(text)
                number += 1
    tried(number)


def test_an_expression_that_goes_back_would_be_found() -> None:
    with_loops = re.compile(r"(a+)+$")
    assert "a" in pumps(with_loops)
    with pytest.raises(AssertionError, match="takes too long"), bounded("loops"):
        with_loops.search("a" * 40 + "!")


EXPRESSIONS = (
    *(
        "(a+)+$",
        "(a|a)*$",
        "(a|aa)+$",
        "(.*a){20}",
        "((a*)*)*$",
        "(a?){30}a{30}",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
    ),
    *(
        "(x+x+)+y",
        "(.*)*(.*)*(.*)*x",
        "([a-zA-Z]+)*",
        r"(\w*)*$",
        "a{1,1000}",
        "(a{1,100}){1,100}",
        "(?i)(a|A)*$",
    ),
    *(
        "(((((a*)*)*)*)*)*$",
        "[a-z]*" * 100,
        "(" * 100 + "a" + ")" * 100,
        "a|" * 400,
        r"\pL*" * 50,
        ".*" * 200 + "x",
    ),
    *("(?:a?)*" * 100, "^" * 500, "$" * 500, "()" * 300, "(|)" * 300, "[^a]*[^b]*[^c]*" * 20, "(?s).*" * 100),
    *(
        r"\b" * 300,
        "a*?" * 200,
        "[\\x{0}-\\x{10FFFF}]{900}",
        "(?P<a>a)" * 50,
        "a**",
        "a{0}" * 100,
        "x{1000}{1000}",
    ),
)


def test_rules_of_users_take_time_in_proportion(tried: Tried) -> None:
    number = 0
    bodies = [
        b"a" * 100_000 + b"!",
        b"x" * 100_000,
        b"\xff" * 100_000,
        "\u00e9".encode() * 50_000,
        b"\n" * 100_000,
    ]
    for expression in EXPRESSIONS:
        wanted = {
            "name": "x",
            "interval_seconds": 60,
            "grace_seconds": 60,
            "expected_content": expression[: limits.CONTENT_RULE_MAX],
            "use_regex_for_content": True,
        }
        with bounded(expression):
            try:
                rule = parse_check_json(json.dumps(wanted).encode(), now=now_ms()).rule
            except Invalid:
                rule = None
        for body in bodies:
            if rule is None:
                break
            with bounded((expression, body)):
                violation(rule, body)
            number += 1
        number += 1
    tried(number)


SCHEDULES = (
    *(("cron", text) for text in ("0 0 29 2 *", "0 0 31 2 *", "0 0 29 2 1", "59 23 31 12 7", "0 0 30 2 0#5")),
    *(
        ("cron", text)
        for text in ("*/59 */23 */31 */12 */6", "0-59/59 0-23/23 1-31/30 1-12/11 *", "* * L * *")
    ),
    *(
        ("cron", text)
        for text in ("0 0 29 2 0#5", "0 0 * 2 5L", "0 0 31 4,6,9,11 *", "0 0 30,31 2 *", "@" * 100)
    ),
    *(("cron", ",".join(str(n % 60) for n in range(n)) + " * * * *") for n in (60, 90, 200)),
    *(
        ("cron", text)
        for text in ("* " * 50, "9" * 100 + " * * * *", "1-" * 60, "*/" * 60, "H H H H H", "?" * 99)
    ),
    *(
        ("cron", text)
        for text in ("0 0 1-31/1,1-31/2,1-31/3 * *", "0 0 * * 1#5,2#5,3#5", "0 0 LW * *", "0 0 29 2 L")
    ),
    *(
        ("oncalendar", text)
        for text in ("*-02-29 00:00:00", "Mon *-02-29 12:00", "*-02-30", "*-*~31", "*-02~29")
    ),
    *(("oncalendar", text) for text in ("2000..9999-*-*", "*-*-* *:*:*/1", "*:*:0/0", "*-*-1..31/31 0:0:0")),
    *(("oncalendar", text) for text in ("Mon,Tue,Wed,Thu,Fri,Sat,Sun *-*-* *:*:*", "*-1..12/11-29 23:59:59")),
    *(
        ("oncalendar", text)
        for text in ("9999-12-31 23:59:59", "1..9999999999", "*-*-*/99999999", "Sat *-02-29")
    ),
    *(("oncalendar", ",".join(f"{n}" for n in range(60)) + ":00"), ("oncalendar", "*-" * 60)),
    *(
        ("oncalendar", "Mon *-02-29 03:30:00 Pacific/Apia"),
        ("oncalendar", "*-*-* 24:00"),
        ("oncalendar", "~" * 99),
    ),
)


def test_schedules_are_worked_out_in_time(tried: Tried) -> None:
    number = 0
    for kind, text in SCHEDULES:
        for tz in ("UTC", "Pacific/Apia", "Africa/Casablanca", "Australia/Lord_Howe", "America/Nuuk"):
            for now in (0, now_ms(), 4_102_444_800_000):
                with bounded((kind, text, tz)):
                    try:
                        schedule = parse_schedule(
                            kind, interval_seconds=None, expression=text, tz=tz, now=now
                        )
                        for _ in range(5):
                            due = next_due(schedule, now)
                            if due is None:
                                break
                            now = due
                    except ScheduleError:
                        pass
                number += 1
    tried(number)


NESTED = (
    *(
        "[",
        "]",
        "(",
        "![",
        "[a](",
        "[a][",
        "[[",
        "*",
        "**",
        "_",
        "*a_",
        "`",
        "``a",
        ">",
        "> ",
        "- ",
        "* ",
        "1. ",
    ),
    *(
        "<",
        "</",
        "<!--",
        "<a",
        "&",
        "&#",
        "&amp",
        "\\",
        "#",
        "# ",
        "~",
        "|",
        "|-",
        "\n",
        "\n\n",
        "\t",
        "    ",
    ),
    *(
        "[a]: b\n",
        "[a](b 'c",
        "<http://a",
        "a@b.",
        "http://",
        "*a **b ",
        "**a *b ",
        "_a __b ",
        "[![",
        "](",
        ")[",
        "- - ",
    ),
    *(
        "a\u0301",
        "\u0301",
        "\ufdfa",
        "\u200b",
        "\u202e",
        "\U0001f468\u200d",
        "\x00",
        "\u0345\u0301",
        "\u1e9e",
        "\u0130",
    ),
)


def test_markdown_is_rendered_in_time(tried: Tried) -> None:
    for piece in NESTED:
        for text in (
            (piece * limits.STATUS_PAGE_INTRO_MAX)[: limits.STATUS_PAGE_INTRO_MAX],
            (piece * limits.STATUS_PAGE_INTRO_MAX)[: limits.STATUS_PAGE_INTRO_MAX - 1] + "x",
            "\n".join(piece * n for n in range(1, 60))[: limits.STATUS_PAGE_INTRO_MAX],
        ):
            with bounded(("markdown", piece)):
                markdown(text)
    tried(3 * len(NESTED))


def test_words_are_folded_and_shown_in_time(tried: Tried) -> None:
    pieces = [*NESTED, "\u0301\u0316", "\u0316\u0301", "\uac00", "\x1b[31m", "\r"]
    bombs = [(piece * 100_000)[:100_000] for piece in pieces]
    for bomb in bombs:
        # Names and searches come cut to their limits, bodies as they are kept.
        for work in (fold, slug_hint, client_hint):
            with bounded((work, bomb[:5])):
                work(bomb[: limits.DESCRIPTION_MAX])
        with bounded(("a body", bomb[:5])):
            shown_text(bomb.encode("utf-8", "replace"))
        with bounded(("a badge", bomb[:5])), suppress(Invalid):
            read_badge_query({"label": bomb})
    tried(5 * len(bombs))


async def test_searches_and_names_of_such_texts_are_answered(stranger: Account, tried: Tried) -> None:
    number = 0
    for piece in NESTED:
        name = (
            f"x{(piece.replace(chr(0), '') or 'x') * 100}"[: limits.NAME_MAX - 1]
            .replace("\n", "")
            .replace("\t", "")
            + "x"
        )
        with bounded(("a name", piece)):
            status, _ = await stranger.api.call(
                "POST", "/checks", {"name": name, "interval_seconds": 60, "grace_seconds": 60}
            )
            assert status in (201, 400), piece
            found = await stranger.visitor.client.get("/dashboard/list", query_string={"q": name})
            assert found.status_code == 200, piece
        number += 2
    tried(number)
