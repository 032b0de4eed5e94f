"""Limits by address in the memory of one process: they protect Redis, so they can't live in it."""

from collections import OrderedDict

from ttr.address import counted_as
from ttr.domain.allowance import Allowance, Limit, take

# 10,000 addresses of about 0.2 kB. Who is thrown out has asked least recently and begins with a whole allowance.
_REMEMBERED = 10_000


class AddressLimit:
    """What every address has left of one limit. Without a limit it allows everything and remembers nothing."""

    def __init__(self, limit: Limit | None, *, remembered: int = _REMEMBERED) -> None:
        self._limit = limit
        self._most = remembered
        self._whole_at: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._whole_at)

    def refuse(self, address: str, now: int) -> Allowance | None:
        """Take one use for `address` at `now` (ms); the allowance when there was none left, else None.

        "" is never refused: a peer without an address is a proxy behind a unix socket, in front of everybody.
        """
        if self._limit is None or not address:
            return None
        who = counted_as(address)
        allowance, whole_at = take(self._limit, self._whole_at.get(who, 0), now)
        if not allowance.allowed:
            return allowance
        self._whole_at[who] = whole_at
        self._whole_at.move_to_end(who)
        if len(self._whole_at) > self._most:
            self._whole_at.popitem(last=False)
        return None
