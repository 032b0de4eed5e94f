"""Commands as function libraries: loaded when Redis lacks them, one version beside another, old ones taken out."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
from redis.exceptions import ResponseError

from tests.lua.parts import NOON
from ttr.store import keys, scripts
from ttr.store.redis import Store
from ttr.store.scripts import Scripts, as_library, assemble, command_names, is_missing

KEY = keys.allowance("test", "1")
ARGUMENTS = [NOON, 30, 2_000_000]


async def libraries(store: Store) -> set[str]:
    """The names of all libraries in Redis, on whichever node."""
    nodes = await store.redis.primaries()
    return {told[1].decode() for node in nodes for told in await node.function_list()}


@contextmanager
def next_version() -> Iterator[None]:
    """Commands are assembled that differ from this version's."""
    with mock.patch.object(scripts, "assemble", lambda name: assemble(name) + "-- newer\n"):
        yield


async def test_a_function_that_is_missing_is_loaded_and_called_again(store: Store) -> None:
    await store.redis.function_flush()
    assert (await store.scripts.run_on("take_allowance", KEY, ARGUMENTS))[:2] == [1, 29]
    assert await libraries(store) == {store.scripts.name_of("take_allowance")}
    assert (await store.scripts.run_on("take_allowance", KEY, ARGUMENTS))[:2] == [1, 28]


async def test_many_who_miss_it_at_once_each_run_once(store: Store) -> None:
    await store.redis.function_flush()
    runs = (store.scripts.run_on("take_allowance", KEY, ARGUMENTS) for _ in range(20))
    assert sorted(answer[1] for answer in await asyncio.gather(*runs)) == list(range(10, 30))


async def test_in_a_pipeline_it_says_that_it_is_missing(store: Store) -> None:
    await store.redis.function_flush()
    async with store.redis.pipeline(transaction=False) as pipe:
        store.scripts.queue_on(pipe, "take_allowance", KEY, ARGUMENTS)
        (answer,) = await pipe.execute(raise_on_error=False)
    assert is_missing(answer)
    await store.scripts.load("take_allowance")
    await store.scripts.load("take_allowance")  # by another process: no harm
    async with store.redis.pipeline(transaction=False) as pipe:
        store.scripts.queue_on(pipe, "take_allowance", KEY, ARGUMENTS)
        (answer,) = await pipe.execute()
    assert answer[0] == 1


async def test_what_door_needs_is_public(store: Store) -> None:
    """Another connection calls and loads by what `Scripts` tells it."""
    await store.redis.function_flush()
    name, source = store.scripts.name_of("take_allowance"), store.scripts.source_of("take_allowance")
    with pytest.raises(ResponseError) as caught:
        await store.redis.execute_command("FCALL", name, 1, KEY, *ARGUMENTS)
    assert is_missing(caught.value)
    await store.redis.execute_command("FUNCTION", "LOAD", "REPLACE", source)
    assert (await store.redis.execute_command("FCALL", name, 1, KEY, *ARGUMENTS))[0] == 1


def test_only_that_answer_means_missing() -> None:
    assert is_missing(ResponseError("Function not found"))
    assert is_missing(Exception("ERR Function not found"))  # as hiredis gives it
    assert not is_missing(ResponseError("no such check script: on @user_function:3: Function not found"))
    assert not is_missing(b"Function not found")


async def test_two_versions_run_beside_each_other(store: Store) -> None:
    newer = Scripts(store.redis)
    with next_version():
        theirs = newer.name_of("take_allowance")
    assert theirs != store.scripts.name_of("take_allowance")
    await newer.run_on("take_allowance", KEY, ARGUMENTS)
    await store.scripts.run_on("take_allowance", KEY, ARGUMENTS)
    both = {theirs, store.scripts.name_of("take_allowance")}
    assert both <= await libraries(store)


async def test_other_versions_are_taken_out_and_come_back_when_they_are_missed(store: Store) -> None:
    await store.redis.function_flush()
    newer = Scripts(store.redis)
    with next_version():
        await newer.run_on("take_allowance", KEY, ARGUMENTS)
    await store.scripts.load("ping")
    foreign = "#!lua name=theirs\nredis.register_function('theirs', function() return 1 end)"
    await store.redis.function_load(foreign)
    assert sum(await asyncio.gather(store.scripts.remove_others(), store.scripts.remove_others())) >= 1
    assert await libraries(store) == {"theirs", store.scripts.name_of("ping")}
    assert (await newer.run_on("take_allowance", KEY, ARGUMENTS))[0] == 1
    await store.redis.function_flush()


async def test_flushall_keeps_functions(store: Store) -> None:
    await store.scripts.load("ping")
    await store.redis.flushall()
    assert store.scripts.name_of("ping") in await libraries(store)


async def test_every_command_is_loaded_as_it_is(store: Store) -> None:
    """Redis compiles each: none has more locals or upvalues than Lua allows, or reaches what is not there yet."""
    for name in command_names():
        await store.scripts.load(name)
    assert {store.scripts.name_of(name) for name in command_names()} <= await libraries(store)


def test_a_library_is_named_by_its_source() -> None:
    library = as_library("ping", assemble("ping"))
    assert library.name.startswith("ttr_ping_")
    assert library.source.count(library.name) == 2
    assert library == as_library("ping", assemble("ping"))
    assert library.name != as_library("ping", assemble("ping").replace("RUNS_MAX = 10", "RUNS_MAX = 9")).name
