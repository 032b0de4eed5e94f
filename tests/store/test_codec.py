"""A check's settings go into Redis and come back the same, whatever people type."""

import asyncio
import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import RedisServer
from tests.lua.parts import NOON, make_user
from ttr.domain import limits
from ttr.domain.check import CheckSettings
from ttr.domain.content import ContentRule
from ttr.domain.schedule import Schedule
from ttr.store import checks
from ttr.store.check_list import list_checks
from ttr.store.codec import check_from_hash, settings_to_fields
from ttr.store.redis import Store

# What JSON can carry into a str and UTF-8 can carry out again.
TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
SCHEDULES = st.one_of(
    st.builds(Schedule, st.just("interval"), st.integers(1, 366 * 86_400), st.none(), st.just("Europe/Riga")),
    st.builds(Schedule, st.just("cron"), st.none(), st.just("*/5 0-3 * * 1,2"), st.just("UTC")),
    st.builds(
        Schedule, st.just("oncalendar"), st.none(), st.just("Mon *-*-* 12:00\n*:0/5 UTC"), st.just("UTC")
    ),
)
RULES = st.builds(ContentRule, TEXT.filter(bool), st.sampled_from(("present", "absent")), st.booleans())
SETTINGS = st.builds(
    CheckSettings,
    name=TEXT,
    slug=st.none() | st.from_regex(r"[a-z0-9_-]{1,20}", fullmatch=True),
    tags=st.lists(TEXT.filter(bool), max_size=4, unique=True).map(tuple),
    description=TEXT,
    schedule=SCHEDULES,
    grace_seconds=st.integers(1, limits.GRACE_MAX_SECONDS),
    max_runtime_seconds=st.none() | st.integers(1, limits.RUNTIME_MAX_SECONDS),
    notify_after_failures=st.none() | st.integers(0, limits.FAILURES_MAX),
    notify_on_up=st.booleans(),
    rule=st.none() | RULES,
    post_only=st.booleans(),
    channels=st.just(()),
)


@given(SETTINGS)
def test_the_fields_alone_give_back_what_they_were_made_of(wanted: CheckSettings) -> None:
    pairs = settings_to_fields(wanted)
    fields = dict(zip(pairs[::2], pairs[1::2], strict=True))
    fields |= {"id": "1", "uuid": "u", "user_id": "1", "created_at": "0", "revision": "1", "status": "new"}
    fields["tags"] = json.dumps([[1, tag] for tag in wanted.tags])
    found = check_from_hash({**fields, "status_since": "0", "slug": wanted.slug or ""}).settings
    assert settings_to_fields(found) == pairs
    assert (found.schedule, found.rule, found.slug) == (wanted.schedule, wanted.rule, wanted.slug)


@pytest.fixture
def run(redis_server: RedisServer) -> Iterator[tuple[asyncio.AbstractEventLoop, Store]]:
    """A loop of our own, because Hypothesis calls plain functions."""
    loop = asyncio.new_event_loop()
    opened = redis_server.open(connections=2)
    yield loop, loop.run_until_complete(opened.__aenter__())
    loop.run_until_complete(opened.__aexit__(None, None, None))
    loop.close()


def test_a_check_comes_back_from_redis_as_it_was_set(run: tuple[asyncio.AbstractEventLoop, Store]) -> None:
    loop, store = run
    loop.run_until_complete(store.redis.flushall())
    user = loop.run_until_complete(make_user(store))

    async def there_and_back(first: CheckSettings, second: CheckSettings) -> None:
        check = await checks.create_check(store, user, first, now=NOON, most=10)
        assert check.settings == first
        assert tuple(tag.name for tag in check.tags) == first.tags
        edited = await checks.update_check(store, user, check.uuid, lambda _: second, now=NOON)
        assert edited.settings == second
        (listed,) = (await list_checks(store, user, size=10, now=NOON)).checks
        assert listed == edited
        await checks.delete_check(store, user, str(check.id))

    @settings(max_examples=150, deadline=None, derandomize=True, database=None)
    @given(SETTINGS, SETTINGS)
    def they_come_back(first: CheckSettings, second: CheckSettings) -> None:
        loop.run_until_complete(there_and_back(first, second))

    they_come_back()
