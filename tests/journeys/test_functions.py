"""Functions that vanish under running processes, and those that another version left behind."""

import redis

from tests.journeys.client import Account, until
from tests.journeys.stack import Stack

_OLD = 'redis.register_function{function_name = "%s", callback = function(KEYS, ARGV) return 1 end}'


def _libraries(client: "redis.Redis") -> set[str]:
    return {told[1].decode() for told in client.function_list()}


def test_a_clock_that_starts_takes_out_what_another_version_left(stack: Stack, account: Account) -> None:
    account.add("one")
    with redis.Redis.from_url(stack.redis_url) as client:
        for name in ("ttr_ping_0123456789abcdef", "theirs"):
            client.function_load(f"#!lua name={name}\n{_OLD % name}")
        stack.stop("clock")
        stack.start("clock")
        until(lambda: "ttr_ping_0123456789abcdef" not in _libraries(client))
        assert "theirs" in _libraries(client)


def test_functions_that_vanish_are_loaded_again_and_nothing_is_refused(
    stack: Stack, account: Account
) -> None:
    account.add("two")
    with redis.Redis.from_url(stack.redis_url) as client:
        for _ in range(5):
            client.function_flush()
            account.ping("two")
        assert any(name.startswith("ttr_ping_") for name in _libraries(client))
