"""Passwords of admins: argon2id with the low-memory parameters of RFC 9106 (3 passes over 64 MiB, 4 lanes).

One takes some 100 ms and 64 MiB, so a process works on two at a time, beside its event loop, and lets few wait.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

T = TypeVar("T")

AT_ONCE = 2
WAITING_MAX = 8
"""Those who wait besides: the last one for some 400 ms, on a machine with two free processors."""
RETRY_SECONDS = 2

HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$LFm5TTxgEGcnlro+r7J4yw$jHT/6fnziaCjZ/8UH+Ii1yYo28N45y/EF0f803C+FTQ"
"""The hash of 256 random bits that nobody kept: what the password of an unknown name is compared with, so that a name
that is none takes as long to be refused as one that is."""


class PasswordsBusy(Exception):
    """As many passwords are being compared, or wait for it, as this process takes."""

    def __init__(self) -> None:
        super().__init__("Too many logins at once; try again in a few seconds.")


def hash_password(password: str) -> str:
    """The hash to keep of a new password."""
    return HASHER.hash(password)


class Passwords:
    """Compares passwords in threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, "password")
        self._taken = 0

    async def is_right(self, password: str, kept: str | None) -> bool:
        """Whether this is the password of a kept hash; None compares with nobody's, and is never right.

        Raises PasswordsBusy.
        """
        return await self._aside(partial(_verify, kept or NOBODYS, password)) and kept is not None

    async def newer(self, password: str, kept: str) -> str | None:
        """Another hash of the password, if the kept one was made with other parameters. Raises PasswordsBusy."""
        if not HASHER.check_needs_rehash(kept):
            return None
        return await self._aside(partial(hash_password, password))

    def close(self) -> None:
        """Start no more; what is being compared ends by itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _aside(self, work: Callable[[], T]) -> T:
        if self._taken >= AT_ONCE + WAITING_MAX:
            raise PasswordsBusy
        self._taken += 1
        # A caller who hangs up leaves the thread at work: the place is free when that is done, not before.
        future = asyncio.get_running_loop().run_in_executor(self._threads, work)
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def _done(self, _: object) -> None:
        self._taken -= 1


def _verify(kept: str, password: str) -> bool:
    try:
        return HASHER.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False
