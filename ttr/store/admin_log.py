"""What operators did, and who was refused: the last 1,000 of each, and a line in the log of the process.

They are kept apart, so that a flood of wrong passwords pushes out no deed.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

from ttr.logs import get_logger
from ttr.store import keys
from ttr.store.redis import Store, store_trouble

log = get_logger(__name__)

KEPT = 1_000

Kind = Literal["done", "refused"]
KINDS: tuple[Kind, ...] = ("done", "refused")


@dataclass(frozen=True, slots=True)
class Deed:
    """When (ms), which admin ("" when nobody knows), what, about what or from where, and whether it was refused."""

    at: int
    admin: str
    what: str
    about: str
    refused: bool = False


async def note(store: Store, *, at: int, admin: str, what: str, about: str = "", kind: Kind = "done") -> None:
    """Keep what an operator did, in a few words; it must quote no secret."""
    log.info("operator", admin=admin, deed=what, about=about, kind=kind)
    entry = json.dumps({"at": at, "admin": admin, "what": what, "about": about})
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.lpush(keys.admin_log(kind), entry)
            pipe.ltrim(keys.admin_log(kind), 0, KEPT - 1)
            await pipe.execute()


async def read_log(store: Store) -> list[Deed]:
    """What is kept of both kinds, newest first."""
    with store_trouble():
        async with store.redis.pipeline(transaction=False) as pipe:
            for kind in KINDS:
                pipe.lrange(keys.admin_log(kind), 0, KEPT - 1)
            answers = await pipe.execute()
    found = [
        _deed(json.loads(entry), kind == "refused")
        for kind, entries in zip(KINDS, answers, strict=True)
        for entry in entries
    ]
    return sorted(found, key=lambda deed: deed.at, reverse=True)


def _deed(kept: dict[str, Any], refused: bool) -> Deed:
    return Deed(kept["at"], kept["admin"], kept["what"], kept["about"], refused)
