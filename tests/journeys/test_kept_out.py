"""A newer version closes the data to this one, under pings: every process stops by itself, and none that was answered
is lost."""

import asyncio

from tests.journeys.client import call, sign_up, until
from tests.journeys.pinging import Job, Pingers
from tests.journeys.stack import Stack
from ttr.store import keys
from ttr.store.form import FORM, Form, read_form
from ttr.store.migrate import migrate
from ttr.store.migrations import Migration
from ttr.store.redis import Store, open_store
from ttr.store.walk import Walk

_SAYS = f"This Redis's data is in form {FORM}, for versions of ttr that know form {FORM + 1} or a newer one."


async def close_the_data(url: str) -> list[str]:
    """What a newer version's `ttr migrate` does, with a migration of this test's own; who was still at work when it
    began to move the data."""
    at_work: list[str] = []

    async def move(store: Store, walk: Walk) -> None:
        at_work.extend(name.decode() for name in await store.redis.hkeys(keys.processes()))

    async with open_store(url) as store:
        await migrate(store, say=print, migrations=[Migration(FORM + 1, FORM + 1, "a trial", move)])
        assert await read_form(store.redis) == Form(FORM + 1, FORM + 1)
    return at_work


def test_processes_stop_before_the_data_is_moved_and_lose_no_ping() -> None:
    with Stack() as stack:
        account = sign_up(stack.port)
        account.add("backup", interval_seconds=3_600)
        job = Job(account, "backup")
        with Pingers([[job]]) as pingers:
            until(lambda: len(pingers.taken[job]) > 20)
            assert asyncio.run(close_the_data(stack.redis_url)) == []
            for name in ("web", "clock", "worker"):
                until(lambda name=name: stack.has_ended(name))  # type: ignore[misc]
                assert stack.ended_with(name) == 1
                assert _SAYS in stack.log(name)
        taken, refused = len(pingers.taken[job]), pingers.not_taken(job)
        assert refused > 0

        # A restart says it at once, and changes nothing.
        stack.start("clock")
        until(lambda: stack.has_ended("clock"))
        assert stack.ended_with("clock") == 1
        for command in (["cleanup", "--dry-run"], ["admin", "list"], ["migrate"]):
            told = stack.ttr(*command)
            assert (told.returncode, _SAYS[-40:] in told.stderr) == (1, True), (command, told.stderr)

        # As whoever goes back by hand would: this version counts what it has answered.
        async def open_again() -> None:
            async with open_store(stack.redis_url) as store:
                await store.redis.hset(keys.meta(), mapping={"form": FORM, "open_to": 1})

        asyncio.run(open_again())
        stack.start("web")
        until(lambda: _answers(stack))
        assert taken <= int(account.show("backup")["ping_count"]) <= taken + refused


def _answers(stack: Stack) -> bool:
    try:
        return call(stack.port, "GET", "/api/v1/openapi.json")[0] == 200
    except OSError:
        return False
