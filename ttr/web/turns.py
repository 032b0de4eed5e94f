"""Long texts are written by turns, so that pings, which share the process, never wait for one of them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Literal, cast

from quart import current_app

from ttr.now import worked_ms

_AT_ONCE_MS = 2
_ROOM = 6
"""Turns of the loop that a ping takes from its first byte to its answer. With one turn between two slices a ping waited
for six of them."""


async def by_turns(
    parts: AsyncIterator[str], take: Callable[[str], object], whose: Literal["public", "own"]
) -> None:
    """Hand each part to `take`. However many are at it, each turn of the loop gives 2 ms to one of them; what everybody
    may ask for waits for its like alone, and not for the pages of those who are logged in.
    """
    turn, ended = _turn(whose), False
    while not ended:
        # First come, first served: who wants another turn is behind all others.
        async with turn:
            worked = worked_ms()
            while not ended and worked_ms() - worked < _AT_ONCE_MS:
                part = await anext(parts, None)
                if part is None:
                    ended = True
                else:
                    take(part)
            for _ in range(_ROOM):
                await asyncio.sleep(0)


def _turn(whose: str) -> asyncio.Lock:
    return cast(asyncio.Lock, current_app.extensions.setdefault(f"ttr_{whose}_turn", asyncio.Lock()))
