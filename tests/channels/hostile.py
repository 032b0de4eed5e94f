"""Events whose every word an attacker chose, and ordinary ones, for the tests of all kinds."""

from dataclasses import replace

from ttr.domain.alert import Event
from ttr.domain.notification import Notification

AT = 1_795_359_600_000  # 2026-11-22T15:00:00Z
DOWN = Event("7-3-1", "down", AT, 7, "nightly backup", reason="fail", failure_count=1)

TEXT = (
    "@everyone <!channel> <@U123> <@&9> [a](http://evil.example/) <a href='http://evil.example'>x</a> </b></pre>"
    " ``` `x` *b* _i_ ~s~ ||p|| www.evil.example https://evil.example/login /start #ops $TTR me@evil.example"
    " \u202egpj.exe\u202c \u200b\x1b[31m\x00\ud800 \U0001f468\u200d\U0001f469 &amp; &lt; \\"
)
OUTPUT = f"line 1\r\n```\n{TEXT}\n```\n</pre></code>\n\n\n\n\t# heading\n> quote\n"
NASTY = replace(
    DOWN,
    check_name=TEXT[:100],
    reason="content",
    reason_detail=TEXT,
    description=TEXT * 5,
    output=OUTPUT * 4,
    may_acknowledge=True,
)


def about(*events: Event, others: tuple[str, ...] = (), others_count: int = 0) -> Notification:
    """A notification of these events to channel 5 of account 3."""
    return Notification("3-9", 3, 5, "ops", events, others, others_count)


def many(count: int, event: Event = NASTY) -> Notification:
    """About `count` checks at once."""
    return about(*(replace(event, id=f"7-{i}", check_id=i + 1) for i in range(count)))
