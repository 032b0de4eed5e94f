"""The words of notifications: sentences, headlines, and whole messages within a service's limit."""

import unicodedata
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.channels.hostile import AT, DOWN, NASTY, about, many
from tests.channels.services import TelegramHtml
from ttr.channels.escaping import first_lines, last_lines, unlinked
from ttr.channels.wording import headline, render, sentence, state
from ttr.domain.alert import Event, EventKind, Reason
from ttr.domain.links import Links

LINKS = Links("https://ttr.example.org", "tests only")
NOWHERE = Links("", "tests only")
TEMPLATES = ("telegram.html", "slack.mrkdwn", "discord.md")

TIMES = st.integers(0, 253_402_300_799_999)
TEXT = st.text(st.characters(), max_size=60)
EVENTS = st.builds(
    Event,
    id=TEXT,
    kind=st.sampled_from(get_args(EventKind)),
    at=TIMES,
    check_id=st.integers(0, 3),
    check_name=TEXT,
    description=TEXT,
    reason=st.sampled_from(get_args(Reason)),
    reason_detail=TEXT,
    overdue_ms=st.none() | st.integers(),
    down_since=st.none() | TIMES,
    down_ms=st.none() | st.integers(),
    last_ping=st.none() | TIMES,
    failure_count=st.integers(),
    output=TEXT,
    status=st.sampled_from(["", "up", "down"]),
    flips=st.integers(0, 100),
    reminders=st.integers(0, 100),
    may_acknowledge=st.booleans(),
    channel_name=st.just("") | TEXT,
    queued=st.booleans(),
)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "it reported a failure"),
        ({"reason_detail": "oom-kill"}, "it reported a failure (oom-kill)"),
        ({"reason": ""}, "it reported a failure"),
        ({"reason": "exit_status", "reason_detail": "3"}, "it ended with exit status 3"),
        ({"reason": "exit_status"}, "it ended with exit status other than 0"),
        ({"reason": "signal", "reason_detail": "TERM"}, "it was ended by signal TERM"),
        ({"reason": "signal"}, "it was ended by a signal"),
        (
            {"reason": "content", "reason_detail": 'it does not contain "done".'},
            'its output broke its rule: it does not contain "done"',
        ),
        ({"reason": "over_runtime"}, "it runs longer than allowed"),
        ({"reason": "over_runtime", "reason_detail": "300"}, "it runs longer than allowed (5 min)"),
        (
            {"reason": "overdue", "overdue_ms": 250_000, "last_ping": AT - 3_850_000},
            "no ping came in time, 4 min 10 s past its due time (last ping 2026-11-22 13:55:50 UTC)",
        ),
        ({"reason": "overdue"}, "no ping came in time (it never pinged)"),
        ({"failure_count": 3}, "it reported a failure; 3 failures in a row"),
    ],
)
def test_a_down_says_since_when_and_why(changes: dict[str, Any], why: str) -> None:
    event = replace(DOWN, **changes)
    assert sentence(event) == f'"nightly backup" has been down since 2026-11-22 15:00:00 UTC: {why}.'


def test_a_down_that_was_announced_late_counts_from_its_first_failure() -> None:
    event = replace(DOWN, failure_count=2, down_since=AT - 60_000)
    assert sentence(event) == (
        '"nightly backup" has been down since 2026-11-22 14:59:00 UTC: '
        "it reported a failure; 2 failures in a row."
    )


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({"down_ms": 3_900_000}, " after 1 h 5 min of downtime"),
        ({"down_since": AT - 45_000}, " after 45 s of downtime"),
        ({"down_ms": 3_900_000, "down_since": AT - 45_000}, " after 1 h 5 min of downtime"),
        ({}, ""),
    ],
)
def test_a_recovery_says_how_long_it_was_down(changes: dict[str, Any], after: str) -> None:
    event = replace(DOWN, kind="up", reason="", failure_count=0, **changes)
    assert sentence(event) == f'"nightly backup" came back up at 2026-11-22 15:00:00 UTC{after}.'


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "test"}, 'This is a test for "nightly backup": its alerts arrive here.'),
        (
            {"kind": "test", "queued": True},
            'This is a test for "nightly backup", sent through the queue: its alerts arrive here.',
        ),
        ({"kind": "test", "check_id": 0, "check_name": ""}, "This is a test: alerts arrive here."),
        (
            {"kind": "reminder", "reminders": 2, "down_since": AT - 7_200_000},
            '"nightly backup" is still down, for 2 h, since 2026-11-22 13:00:00 UTC: it reported a failure. '
            "This is reminder 2.",
        ),
        (
            {"kind": "reminder"},
            '"nightly backup" is still down, since 2026-11-22 15:00:00 UTC: it reported a failure.',
        ),
        (
            {"kind": "flapping", "flips": 6, "status": "up"},
            '"nightly backup" is flapping: 6 changes by 2026-11-22 15:00:00 UTC, and it is up now. '
            "Single changes are not announced until it is calm.",
        ),
        (
            {"kind": "flapping", "flips": 7, "status": "down"},
            '"nightly backup" is flapping: 7 changes by 2026-11-22 15:00:00 UTC, and it is down now. '
            "Single changes are not announced until it is calm.",
        ),
        (
            {"kind": "flapping", "flips": 6},
            '"nightly backup" is flapping: 6 changes by 2026-11-22 15:00:00 UTC. '
            "Single changes are not announced until it is calm.",
        ),
        (
            {"kind": "settled", "status": "up", "flips": 14, "reason": ""},
            '"nightly backup" is calm again and up as of 2026-11-22 15:00:00 UTC, after 14 changes.',
        ),
        (
            {"kind": "settled", "status": "down", "flips": 15},
            '"nightly backup" is calm again and down as of 2026-11-22 15:00:00 UTC, after 15 changes: '
            "it reported a failure.",
        ),
        (
            {
                "kind": "channel_off",
                "check_id": 0,
                "check_name": "",
                "channel_name": "ops",
                "reason_detail": "Telegram answered HTTP 403: Forbidden: bot was blocked by the user.",
            },
            'The channel "ops" was turned off at 2026-11-22 15:00:00 UTC: '
            "Telegram answered HTTP 403: Forbidden: bot was blocked by the user. "
            "What it missed can be sent again from Alerts.",
        ),
        (
            {"kind": "channel_off", "channel_name": "ops", "reason_detail": "its receiver unsubscribed"},
            'The channel "ops" was turned off at 2026-11-22 15:00:00 UTC: its receiver unsubscribed. '
            "What it missed can be sent again from Alerts.",
        ),
        (
            {"kind": "channel_off", "channel_name": "ops"},
            'The channel "ops" was turned off at 2026-11-22 15:00:00 UTC. '
            "What it missed can be sent again from Alerts.",
        ),
    ],
)
def test_every_other_kind_of_event_has_its_sentence(changes: dict[str, Any], said: str) -> None:
    assert sentence(replace(DOWN, **changes)) == said


def test_hostile_names_and_job_output_become_harmless_words() -> None:
    event = replace(
        DOWN,
        check_name="back\x1b[31mup\r\nBcc: x\u202egpj.exe\u2028\x00\ud800",
        reason="content",
        reason_detail="line 1\n\nline 2\x07\u200b" + "x" * 1000,
    )
    text = sentence(event)
    assert text.startswith('"back [31mup Bcc: xgpj.exe" has been down since')
    assert "rule: line 1 line 2 xxx" in text
    assert text.endswith("\u2026.")
    assert len(text) < 500


@settings(deadline=None)
@given(EVENTS)
def test_every_event_has_one_line_of_words_that_can_be_sent(event: Event) -> None:
    for text in (sentence(event), headline(about(event))):
        text.encode()
        assert text.splitlines() == [text]
        assert all(unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") for c in text)


def test_a_sentence_shows_a_name_as_it_is_and_adds_no_markup() -> None:
    name = "db.example.com <prod> & *co* @night"
    assert sentence(replace(DOWN, check_name=name)).startswith(f'"{name}" has been')


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        (["down"], '"nightly backup" is down'),
        (["down", "up"], '"nightly backup" is up again'),
        (["up", "down"], '"nightly backup" is down'),
        (["reminder"], '"nightly backup" is still down'),
        (["flapping"], '"nightly backup" is flapping'),
        (["flapping", "settled"], '"nightly backup" is calm again and up'),
        (["test"], 'Test for "nightly backup"'),
    ],
)
def test_the_headline_of_one_check_is_its_last_state(kinds: list[Any], said: str) -> None:
    assert headline(about(*(replace(DOWN, kind=kind) for kind in kinds))) == said


def test_the_headline_of_several_checks_counts_their_states() -> None:
    kinds: list[EventKind] = [
        "down",
        "down",
        "up",
        "down",
        "reminder",
        "flapping",
        "channel_off",
        "test",
        "settled",
    ]
    events = [replace(DOWN, kind=kind, check_id=i + 1) for i, kind in enumerate(kinds)]
    assert headline(about(*events[:4])) == "3 checks are down, 1 came back"
    assert headline(about(*events[1:3])) == "1 check is down, 1 came back"
    assert headline(about(*events)) == (
        "3 checks are down, 1 is still down, 2 came back, 1 is flapping, 1 channel was turned off, 1 test"
    )
    assert headline(many(1_000)) == "1000 checks are down"


def test_the_gravest_state_colours_a_message() -> None:
    down, up = DOWN, replace(DOWN, kind="up", check_id=8)
    assert state(about(down, up)) == "down"
    assert state(about(down, replace(up, check_id=7))) == "up"
    assert state(about(replace(DOWN, kind="settled", status="down"), up)) == "down"
    assert state(about(replace(DOWN, kind="flapping"), up)) == "flapping"
    assert state(about(replace(DOWN, kind="test"))) == ""


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_message_has_what_people_act_on(name: str) -> None:
    event = replace(
        DOWN,
        reason="exit_status",
        reason_detail="3",
        description="Dumps the database; ask Ann.",
        output="reading\n  12 of 13 tables\nout of space",
        may_acknowledge=True,
        down_since=AT - 60_000,
    )
    text = render(name, about(event, others=("mail", "web"), others_count=5), LINKS, limit=3_000)
    assert "nightly backup" in text
    assert "down since 2026-11-22 14:59:00 UTC: it ended with exit status 3." in text
    assert "About it: Dumps the database; ask Ann." in text
    assert "reading\n  12 of 13 tables\nout of space" in text
    assert "https://ttr.example.org/checks/7" in text
    assert LINKS.acknowledge(3, 7, AT - 60_000) in text
    assert "Also down now: mail, web and 3 more" in text
    assert "\n\n\n" not in text


@pytest.mark.parametrize("name", TEMPLATES)
def test_without_a_base_address_there_are_no_links(name: str) -> None:
    text = render(name, many(2, replace(DOWN, may_acknowledge=True)), NOWHERE, limit=3_000)
    assert "Open" not in text
    assert "Stop" not in text
    assert "All checks" not in text


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_check_that_went_down_and_came_back_unsent_is_told_once_with_both_times(name: str) -> None:
    up = replace(DOWN, kind="up", at=AT + 65_000, down_ms=65_000, reason="", failure_count=0)
    text = render(name, about(DOWN, up), LINKS, limit=3_000)
    assert text.count("nightly backup") == (1 if name == "discord.md" else 2)  # and in the headline
    assert (
        "went down at 2026-11-22 15:00:00 UTC: it reported a failure. "
        "It came back up at 2026-11-22 15:01:05 UTC after 1 min 5 s of downtime."
    ) in text


def test_a_test_of_a_check_does_not_hide_that_it_is_down() -> None:
    text = render("telegram.html", about(DOWN, replace(DOWN, kind="test", queued=True)), LINKS, limit=3_000)
    assert "has been down since" in text
    assert "This is a test" in text


def test_few_checks_are_told_in_full_and_many_as_a_list() -> None:
    event = replace(DOWN, output="no space left")
    assert render("slack.mrkdwn", many(5, event), LINKS, limit=3_000).count("no space left") == 5
    assert "no space left" not in render("slack.mrkdwn", many(6, event), LINKS, limit=3_000)


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_list_that_is_too_long_says_how_many_more_there_are(name: str) -> None:
    text = render(name, many(1_000, DOWN), LINKS, limit=3_000)
    shown = text.count("nightly backup")
    assert shown > 10
    assert f"and {1_000 - shown} more" in text
    assert "https://ttr.example.org/dashboard" in text


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("count", [1, 2, 5, 6, 40, 1_000])
def test_no_limit_is_ever_broken_and_the_markup_stays_whole(name: str, count: int) -> None:
    notification = replace(many(count), others=(NASTY.check_name,) * 10, others_count=77)
    sizes = []
    for limit in (1, 7, 60, 150, 400, 900, 2_000, 2_001, 4_096, 12_000):
        text = render(name, notification, LINKS, limit=limit)
        assert len(text.encode("utf-16-le")) // 2 <= limit
        sizes.append(len(text))
        if name == "telegram.html":
            parsed = TelegramHtml(text)
            assert parsed.problem == ""
            assert all(link.startswith("https://ttr.example.org/") for link in parsed.links)
        else:
            assert text.count("```") % 2 == 0
    assert sizes == sorted(sizes)
    assert sizes[2] > 15


@settings(deadline=None, max_examples=50)
@given(st.lists(EVENTS, min_size=1, max_size=8), st.sampled_from(TEMPLATES), st.integers(1, 4_096))
def test_any_events_make_a_message_within_the_limit(events: list[Event], name: str, limit: int) -> None:
    text = render(name, about(*events), LINKS, limit=limit)
    assert len(text.encode("utf-16-le")) // 2 <= limit
    assert all(c == "\n" or unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") for c in text)
    if name == "telegram.html":
        assert TelegramHtml(text).problem == ""


def test_what_jobs_print_cannot_leave_its_fence() -> None:
    for name in ("slack.mrkdwn", "discord.md"):
        _, inside, after = render(name, about(NASTY), LINKS, limit=4_000).split("```")
        assert "evil" in inside
        assert "`" not in inside + after
    telegram = render("telegram.html", about(NASTY), LINKS, limit=4_000)
    assert telegram.count("<pre>") == telegram.count("</pre>") == 1


def test_no_service_sees_a_mention_or_a_link_in_what_others_wrote() -> None:
    text = "@everyone <@U1> www.evil.example https://evil.example/x a@b.example /start #ops $TTR"
    event = replace(DOWN, check_name=text, reason_detail=text)
    for name in (*TEMPLATES, "email.txt", "email.html"):
        message = render(name, about(event, others=(text,)), NOWHERE, limit=4_000) + headline(about(event))
        for found in ("@everyone", "@U", "://", "evil.example", "www.", "@b", " /start", "#ops", "$TTR"):
            assert found not in message
    assert unlinked("1.5 s, 3 $ & 2 / 3", 100).replace("\u2060", "") == "1.5 s, 3 $ & 2 / 3"


RUNBOOK = "https://wiki.example.org/run_book_(db)?a=1&b=*2*#ste~p-3"
OWNER = (
    f"Ann's job, @everyone <!channel> *b* me@b.example www.b.example\x1b[31m\u202e.\r\n\n\n\n- see {RUNBOOK}.\n"
    "(or http://10.0.0.1:8080/x), javascript://x ftp://b.example https://@ann"
)


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("telegram.html", "https://wiki.example.org/run_book_(db)?a=1&amp;b=*2*#ste~p-3."),
        ("slack.mrkdwn", "<https://wiki.example.org/run_book_(db)?a=1&amp;b=*2*#ste~p-3>."),
        ("discord.md", "https://wiki.example.org/run_book_%28db%29?a=1&b=*2*#ste~p-3."),
        ("email.txt", f"{RUNBOOK}."),
        (
            "email.html",
            '<a href="https://wiki.example.org/run_book_(db)?a=1&amp;b=*2*#ste~p-3">'
            "https://wiki.example.org/run_book_(db)?a=1&amp;b=*2*#ste~p-3</a>.",
        ),
    ],
)
def test_the_owners_links_and_line_breaks_stay_and_nothing_else_of_theirs_does(name: str, link: str) -> None:
    text = render(name, about(replace(DOWN, description=OWNER)), NOWHERE, limit=4_000)
    first, _, rest = text.partition("About it: ")[2].partition("\n")
    assert link in rest
    assert "http://10.0.0.1:8080/x" in rest
    assert rest.replace("<br>", "").lstrip("\n").startswith(("- see ", "\\- see "))
    for found in (
        "@everyone",
        "@b",
        "www.",
        "javascript://",
        "ftp://",
        "https://@",
        "@ann",
        "\x1b",
        "\u202e",
    ):
        assert found not in first + rest
    if not name.endswith("txt"):
        assert "<!channel>" not in text
    if name == "telegram.html":
        assert TelegramHtml(text).problem == ""


def test_a_description_is_cut_before_a_link_and_never_inside_one() -> None:
    link = "https://wiki.example.org/" + "x" * 50
    text = f"See {link} now"
    assert first_lines(text, 200) == text
    assert first_lines(text, len(text)) == text
    for limit in range(1, len(text)):
        shown = first_lines(text, limit)
        assert len(shown) <= limit
        assert shown.endswith("\u2026")
        assert "https" not in shown or f"{link} \u2026" in shown
    assert first_lines("\n".join(str(i) for i in range(100)), 1_000).splitlines()[-1] == "29 \u2026"
    assert first_lines("  \n", 10) == ""


@pytest.mark.parametrize("name", TEMPLATES)
def test_who_is_told_that_all_is_well_needs_no_runbook(name: str) -> None:
    down = replace(DOWN, description="Ask Ann.")
    up = replace(down, kind="up", reason="", down_since=AT - 1_000)
    settled = replace(down, kind="settled", status="up")
    assert "Ask Ann." in render(name, about(down), LINKS, limit=3_000)
    assert "Ask Ann." in render(name, about(up, down), LINKS, limit=3_000)
    assert "Ask Ann." in render(name, about(replace(settled, status="down")), LINKS, limit=3_000)
    for told in (about(up), about(down, up), about(settled)):
        assert "About it" not in render(name, told, LINKS, limit=3_000)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Also down now: web and 2 more"),
        ({"kind": "reminder"}, "Also down now: web and 2 more"),
        ({"kind": "flapping", "status": "down"}, "Also down now: web and 2 more"),
        ({"kind": "settled", "status": "down"}, "Also down now: web and 2 more"),
        ({"kind": "flapping", "status": "up"}, "Still down: web and 2 more"),
        ({"kind": "up", "reason": ""}, "Still down: web and 2 more"),
        ({"kind": "settled", "status": "up"}, "Still down: web and 2 more"),
    ],
)
def test_others_are_down_too_only_where_one_of_ours_is(changes: dict[str, Any], said: str) -> None:
    told = about(replace(DOWN, **changes), others=("web",), others_count=3)
    for name in (*TEMPLATES, "email.txt", "email.html"):
        text = render(name, told, LINKS, limit=4_000)
        assert said in text
        assert ("Also down" in text) != ("Still down" in text)


@pytest.mark.parametrize("name", [*TEMPLATES, "email.txt", "email.html"])
def test_a_channel_that_is_off_leads_to_the_channels(name: str) -> None:
    event = replace(DOWN, kind="channel_off", check_id=0, check_name="", channel_name="ops")
    text = render(name, about(event), LINKS, limit=4_000)
    assert "https://ttr.example.org/channels" in text
    assert "All channels" in text
    assert "Open the check" not in text


def test_the_others_stand_apart_from_a_list_in_a_plain_mail() -> None:
    told = replace(many(8, DOWN), others=("web",), others_count=1)
    lines = render("email.txt", told, LINKS, limit=8_000).splitlines()
    at = lines.index("Also down now: web")
    assert lines[at - 1] == ""
    assert lines[at - 2].strip().startswith("https://")


def test_markup_of_others_is_shown_and_not_obeyed() -> None:
    event = replace(DOWN, check_name="<!channel> *b* _i_ `c` [x](y) ||s|| & \\")
    assert "&lt;!channel&gt; *b* _i_ \u02cbc\u02cb" in render(
        "slack.mrkdwn", about(event), LINKS, limit=3_000
    )
    assert "\\<!channel\\> \\*b\\* \\_i\\_ \\`c\\` \\[x\\](y) \\|\\|s\\|\\| & \\\\" in render(
        "discord.md", about(event), LINKS, limit=3_000
    )
    assert "&lt;!channel&gt; *b*" in render("telegram.html", about(event), LINKS, limit=3_000)


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("", 10, ""),
        ("  \n\n", 10, ""),
        ("one\r\n  two\tx\r", 100, "one\n  two   x"),
        ("0123456789", 10, "0123456789"),
        ("0123456789a", 10, "\u202623456789a"),
        ("a\x1b[31mb\x00\u202ec\ud800", 100, "a [31mb c"),
        ("\n".join(str(i) for i in range(100)), 1_000, "\u2026" + "\n".join(str(i) for i in range(70, 100))),
    ],
)
def test_output_is_cut_to_its_last_lines(text: str, limit: int, shown: str) -> None:
    assert last_lines(text, limit) == shown
    assert len(shown) <= limit
