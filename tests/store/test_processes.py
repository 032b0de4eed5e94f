"""What processes say of themselves comes back as it was said, until it is forgotten."""

from dataclasses import replace

from tests.processes import NOW, process
from ttr.store import keys
from ttr.store.processes import forget_the_dead, read_processes, say, say_goodbye
from ttr.store.redis import Store

CLOCK = process("clock", loops={"watch": NOW, "archive": NOW - 5}, host="häuschen", gauges={"rss_bytes": 7})


async def test_it_is_read_as_it_was_said_and_the_last_word_counts(store: Store) -> None:
    other = process("web", id="another")
    await say(store, replace(CLOCK, beat_at=NOW - 1_000))
    await say(store, CLOCK)
    await say(store, other)
    assert sorted(await read_processes(store), key=lambda one: one.kind) == [CLOCK, other]


async def test_who_says_goodbye_is_gone_at_once(store: Store) -> None:
    await say(store, CLOCK)
    await say_goodbye(store, CLOCK.id)
    assert await read_processes(store) == []


async def test_the_dead_are_forgotten_and_nobody_else(store: Store) -> None:
    await say(store, replace(CLOCK, id="dead", beat_at=NOW - 60_000))
    await say(store, replace(CLOCK, id="silent", beat_at=NOW - 59_999))
    await forget_the_dead(store, NOW)
    assert [one.id for one in await read_processes(store)] == ["silent"]
    await forget_the_dead(store, NOW)


async def test_what_a_later_version_says_is_read_as_far_as_it_is_known(store: Store) -> None:
    await say(store, CLOCK)
    text = await store.redis.hget(keys.processes(), CLOCK.id)
    await store.redis.hset(keys.processes(), CLOCK.id, text.replace(b'"pid":', b'"mood":1,"pid":'))
    await store.redis.hset(keys.processes(), "oracle", text.replace(b'"clock"', b'"oracle"'))
    assert await read_processes(store) == [CLOCK]
