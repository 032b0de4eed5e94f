"""A walk through all data, in pages that keep nobody waiting; one that was broken off goes on where it was."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from ttr.store import keys
from ttr.store.every_key import every_key
from ttr.store.redis import Store

ACCOUNTS_A_PAGE = 100
_KEYS_A_PAGE = 1_000

Note = Callable[[int, int], Awaitable[None]]
Renew = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Walk:
    """One pass over everything, for a migration."""

    store: Store
    now: int
    beyond: int
    """The last account that an earlier pass, which was broken off, had done; 0 for none."""
    note: Note
    """Called before each page of accounts with the last one that is done and the newest one. What it raises ends the
    walk."""
    renew: Renew
    """Called before each page of keys, which leaves nothing to go on from. What it raises ends the walk."""

    async def accounts(self) -> AsyncIterator[Sequence[int]]:
        """Pages of the numbers of accounts, closed ones and gaps among them, up to the newest one at the end. A page
        counts as done when the next one is asked for."""
        done = self.beyond
        while True:
            newest = int(await self.store.redis.get(keys.sequence("user")) or 0)
            await self.note(done, newest)
            if done >= newest:
                return
            page = range(done + 1, min(done + ACCOUNTS_A_PAGE, newest) + 1)
            yield page
            done = page[-1]

    async def keys(self, match: str) -> AsyncIterator[list[bytes]]:
        """Pages of some thousand keys that match, from the first one each time; one that is there all the time comes at
        least once."""
        async for page in every_key(self.store, match, _KEYS_A_PAGE):
            await self.renew()
            yield page
