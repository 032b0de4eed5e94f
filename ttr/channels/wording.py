"""The words of notifications: events into templates, cut to what a service takes.

The sentences stand in `templates/channels/`. They are given only text that is cut and cleaned; what a
template's own markup needs to be escaped is escaped on its way out, by the suffix of the template's name.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ttr.channels.escaping import (
    DIALECTS,
    Dialect,
    anchor,
    first_lines,
    last_lines,
    unlinked,
    unlinked_lines,
    with_links,
)
from ttr.domain.alert import Event, human_duration, one_line
from ttr.domain.links import Links
from ttr.domain.notification import Notification, by_check
from ttr.paths import TEMPLATES

State = Literal["down", "up", "flapping", ""]

NAME_SHOWN = 200
DETAIL_SHOWN = 300
DETAILED_MAX = 5
"""Up to so many checks are shown with description and output; more are a list."""
_ITEM_MIN = 30  # no check is told about in fewer characters, so this bounds how many are worth trying
_GAP = re.compile(r"\n{3,}")  # templates write blank lines generously
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Item:
    """What a message says about one check (or, for tests and channels that were turned off, about one event).

    Every text is one line, cleaned and cut, but `output` and `description`, which keep their line breaks. Times are
    words.
    """

    kind: str
    check: str
    channel: str
    at: str
    since: str
    went_down: str
    """When it went down, if this message tells that as well as its recovery; "" otherwise."""
    downtime: str
    reason: str
    detail: str
    overdue: str
    last_ping: str
    failures: int
    status: str
    """For settled and flapping: "up" or "down"; "" for a flapping that doesn't tell."""
    flips: int
    reminders: int
    queued: bool
    description: str
    """The owner's own words, for the filter `linked`; "" when the last that is told is that all is well."""
    output: str
    url: str
    """The page that it is about: the check's, or the channels'; "" without one, or without a base address."""
    acknowledge: str
    """A link that ends the reminders; "" when none will come."""
    confirm: str
    """For confirm: the link by which the reader agrees."""
    host: str
    """The installation's name; "" when nobody has set the base address."""


@dataclass(frozen=True, slots=True)
class _News:
    """The last word about a check, and the failure that it ended, if both are in the message."""

    event: Event
    down: Event | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """How much of everything a try to fit a limit shows, in characters and numbers."""

    items: int
    output: int = 0
    description: int = 0
    others: int = 10
    name: int = NAME_SHOWN
    detail: int = DETAIL_SHOWN


def sentence(event: Event) -> str:
    """One plain sentence: what happened, since when and why; a recovery says how long it took.

    The result is one line without control characters, whatever the check's name or the job's output holds.
    """
    item = _item(_News(event), _Plan(1), one_line)
    return _environment("txt").get_template("channels/_sentence.txt").render(item=item)


def headline(notification: Notification) -> str:
    """One plain line: a single check's state, or how many are in which ("3 checks are down, 1 came back").

    Names are cut to 100 characters, and no service sees a link or a mention in them.
    """
    news = _news(notification)
    return _headline(news, notification, _Plan(len(news)))


def state(notification: Notification) -> State:
    """The colour of a message: the gravest state among its checks' last ones, "" when it is about none."""
    states = {_state(news.event) for news in _news(notification)}
    for found in ("down", "flapping", "up"):
        if found in states:
            return found
    return ""


def render(name: str, notification: Notification, links: Links, *, limit: int) -> str:
    """`templates/channels/<name>` about `notification`, in at most `limit` characters, its markup whole.

    Characters are UTF-16 units of the text with its markup, the strictest count of any service. What doesn't
    fit goes in this order: job output, descriptions, checks of a long list ("and 7 more"), other checks that
    are down, long names and details; at last there is only the headline, cut. The template sees `headline`,
    `items` (`Item`), `brief` (a list without details), `more` (checks not listed), `others` and `others_more`
    (names of other checks that are down), `any_down` (whether one of the message's own checks is), and the links
    `dashboard`, `channel` and `unsubscribe`. Filters `fenced` (inside a block for code), `address` (a link) and
    `linked` (prose of the owner, with its links; with `tags`, in HTML that needs tags for links and breaks)
    replace the escaping of prose; `unlinked` breaks the links in a job's output.
    """
    suffix = name.rpartition(".")[2]
    template = _environment(suffix).get_template(f"channels/{name}")
    news = _news(notification)

    def attempt(plan: _Plan) -> str | None:
        others = tuple(unlinked(other, min(plan.name, 60)) for other in notification.others[: plan.others])
        text = template.render(
            headline=_headline(news, notification, plan),
            items=[_item(one, plan, unlinked, notification, links) for one in news[: plan.items]],
            brief=not (plan.output or plan.description) and len(news) > 1,
            more=len(news) - min(plan.items, len(news)),
            others=others,
            any_down=any(_is_down(one.event) for one in news),
            others_more=max(notification.others_count, len(notification.others)) - len(others),
            dashboard=links.dashboard(),
            channel=links.channel(notification.channel_id),
            channel_name=unlinked(notification.channel_name, plan.name),
            unsubscribe=links.unsubscribe(notification.user_id, notification.channel_id, notification.reader),
        )
        text = _GAP.sub("\n\n", text).strip()
        return text if _size(text) <= limit else None

    for plan in _plans(len(news), limit):
        text = attempt(plan)
        if text is not None:
            return text
    fitting = _most_items(lambda count: attempt(_Plan(count, others=3, name=60, detail=60)), len(news), limit)
    return fitting or _hard_cut(_headline(news, notification, _Plan(1)), DIALECTS[suffix], limit)


def _plans(count: int, limit: int) -> Iterator[_Plan]:
    if count <= DETAILED_MAX:
        for output, description in ((1_000, 500), (600, 300), (300, 150), (100, 0)):
            yield _Plan(count, output, description)
    if count * _ITEM_MIN <= limit:
        yield _Plan(count)
        yield _Plan(count, others=3)


def _most_items(attempt: Callable[[int], str | None], count: int, limit: int) -> str | None:
    """The attempt with the most items that fits, found by halving; None if not even one does."""
    best, low, high = None, 1, min(count, max(limit // _ITEM_MIN, 1))
    while low <= high:
        middle = (low + high) // 2
        text = attempt(middle)
        if text is None:
            high = middle - 1
        else:
            best, low = text, middle + 1
    return best


def _hard_cut(line: str, dialect: Dialect, limit: int) -> str:
    """As much of a line as fits once it is escaped: cut before escaping, so no mark is ever left open."""
    for length in range(min(len(line), limit), 0, -1):
        text = dialect.prose(one_line(line, length))
        if _size(text) <= limit:
            return text
    return ""


def _news(notification: Notification) -> list[_News]:
    """One entry per check; tests of it are entries of their own, for they say nothing about its state."""
    found: list[_News] = []
    for group in by_check(notification.events):
        told = [event for event in group if event.kind != "test"]
        if told:
            before = [event for event in told[:-1] if event.kind in ("down", "reminder")]
            ended = before[-1] if before and told[-1].kind == "up" else None
            found.append(_News(told[-1], ended))
        if len(told) < len(group):
            found.append(_News(next(event for event in reversed(group) if event.kind == "test")))
    return found


def _headline(news: list[_News], notification: Notification, plan: _Plan) -> str:
    template = _environment("txt").get_template("channels/_headline.txt")
    counts = Counter(_counted(one.event) for one in news)
    short = _Plan(1, name=min(plan.name, 100))
    item = _item(news[0], short, unlinked, notification) if len(news) == 1 else None
    return template.render(item=item, counts=counts)


def _counted(event: Event) -> str:
    if event.kind == "settled":
        return "down" if event.status == "down" else "up"
    return event.kind


def _state(event: Event) -> State:
    match _counted(event):
        case "down" | "reminder":
            return "down"
        case "flapping":
            return "flapping"
        case "up":
            return "up"
        case _:
            return ""


def _item(
    news: _News,
    plan: _Plan,
    line: Callable[[str, int], str],
    notification: Notification | None = None,
    links: Links | None = None,
) -> Item:
    event, cause = news.event, news.down or news.event
    since = event.at if event.down_since is None else event.down_since
    return Item(
        kind=event.kind,
        check=line(event.check_name, plan.name),
        channel=line(event.channel_name or (notification.channel_name if notification else ""), plan.name),
        at=_moment(event.at),
        since=_moment(since),
        went_down=_moment(cause.at if cause.down_since is None else cause.down_since) if news.down else "",
        downtime=_downtime(event, news.down),
        reason=cause.reason,
        detail=line(_detail(cause), plan.detail).rstrip("."),
        overdue="" if cause.overdue_ms is None else human_duration(cause.overdue_ms),
        last_ping="" if cause.last_ping is None else _moment(cause.last_ping),
        failures=cause.failure_count,
        status=_status(event),
        flips=event.flips,
        reminders=event.reminders,
        queued=event.queued,
        description=first_lines(event.description, plan.description)
        if plan.description and _state(event) != "up"
        else "",
        output=last_lines(event.output, plan.output) if plan.output else "",
        url=_page(event, links) if links else "",
        acknowledge=links.acknowledge(notification.user_id, event.check_id, since)
        if links and notification and event.may_acknowledge
        else "",
        confirm=links.confirm(notification.user_id, notification.channel_id, event.reason_detail)
        if links and notification and event.kind == "confirm"
        else "",
        host=links.host if links else "",
    )


def _status(event: Event) -> str:
    if event.kind == "flapping" and event.status not in ("up", "down"):
        return ""
    return "down" if event.status == "down" else "up"


def _is_down(event: Event) -> bool:
    return _state(event) == "down" or (event.kind == "flapping" and event.status == "down")


def _page(event: Event, links: Links) -> str:
    if event.kind == "channel_off":
        return links.channels()
    return links.check(event.check_id) if event.check_id else ""


def _downtime(event: Event, down: Event | None) -> str:
    if event.down_ms is not None:
        return human_duration(event.down_ms)
    since = event.down_since
    if since is None and down is not None:
        since = down.at if down.down_since is None else down.down_since
    return "" if since is None else human_duration(event.at - since)


def _detail(event: Event) -> str:
    """The detail for people: of a run over its maximum the store keeps the maximum's seconds."""
    if event.reason == "over_runtime" and event.reason_detail.isdecimal():
        return human_duration(int(event.reason_detail) * 1000)
    return event.reason_detail


def _moment(ms: int) -> str:
    return f"{_EPOCH + timedelta(milliseconds=ms):%Y-%m-%d %H:%M:%S} UTC"


def _size(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@cache
def _environment(suffix: str) -> Environment:
    """Templates of one dialect. Whatever they put out is escaped as prose, unless a filter has done it."""
    dialect = DIALECTS[suffix]

    def safe(of: Callable[[str], str]) -> Callable[[object], Markup]:
        # Markup tells the autoescaping that its work is done: here, by the dialect.
        return lambda value: value if isinstance(value, Markup) else Markup(of(str(value)))  # noqa: S704

    def linked(text: str, tags: bool = False) -> Markup:
        written = with_links(text, dialect.prose, anchor if tags else dialect.link)
        return Markup(written.replace("\n", "<br>\n") if tags else written)  # noqa: S704

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=safe(dialect.prose),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["fenced"] = safe(dialect.fenced)
    environment.filters["address"] = safe(dialect.address)
    environment.filters["unlinked"] = unlinked_lines
    environment.filters["linked"] = linked
    return environment
