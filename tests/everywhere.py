"""What tests ask of a database as a whole, be it one Redis or the primaries of a cluster."""

from collections.abc import Callable
from typing import Any

from ttr.store.redis import Store


async def key_names(store: Store, match: str = "*") -> list[bytes]:
    """The keys that match."""
    return [key for primary in await store.redis.primaries() for key in await primary.keys(match)]


async def count(store: Store, field: str, section: str = "stats") -> int:
    """The sum of a field of INFO."""
    return sum([int((await primary.info(section))[field]) for primary in await store.redis.primaries()])


async def everywhere(store: Store, ask: Callable[[Any], Any]) -> list[Any]:
    """What `ask` gets from each client."""
    return [await ask(primary) for primary in await store.redis.primaries()]


async def configure(store: Store, name: str, value: str | int) -> None:
    """Set a setting of every server."""
    await everywhere(store, lambda primary: primary.config_set(name, value))
