"""The command `ttr keys rotate`: everything wrapped by an older ENCRYPTION_KEY, wrapped by the newest."""

import asyncio
import sys
from collections.abc import Callable

from ttr.settings import Settings
from ttr.store.redis import open_store, verify_data, wait_until_ready
from ttr.store.rewrap import Rotated, rewrap_all
from ttr.up.borrowed import borrowed
from ttr.up.refusal import Refusal
from ttr.up.secretfiles import resolve_secrets

_PROGRESS_EVERY = 1.0


async def rotate_keys(settings: Settings) -> int:
    """Re-wrap every account's data key and say how many; 1 if an account can't be read by any key, else 0.

    Raises Refusal, StoreUnfit and StoreUnavailable, all before anything is changed or to be cured by another run.
    """
    async with (
        borrowed(settings) as servers,
        open_store(await servers.redis(), cluster=settings.redis_cluster) as store,
    ):
        secrets = resolve_secrets(
            settings.data_dir,
            secret_key=settings.secret_key or "not needed here",
            encryption_key=settings.encryption_key,
            production=settings.production,
        )
        if "," not in secrets.encryption_key:
            raise Refusal(
                "Only one ENCRYPTION_KEY is set here, so there is nothing to rotate to: set it to the new key and the "
                "old one, separated by a comma, as for the processes that are running."
            )
        await wait_until_ready(store)
        await verify_data(store)
        rotated = await rewrap_all(store, secrets.encryption_key, progress=_progress())
    print(_summary(rotated))
    return 1 if rotated.unreadable else 0


def _progress() -> Callable[[int, int], None]:
    """Tells of the accounts that are done, at most once a second and at the end."""
    loop = asyncio.get_running_loop()
    told = loop.time()

    def say(done: int, every: int) -> None:
        nonlocal told
        if done == every or loop.time() - told >= _PROGRESS_EVERY:
            told = loop.time()
            print(f"{done:,} of {every:,} accounts looked at", file=sys.stderr, flush=True)

    return say


def _summary(rotated: Rotated) -> str:
    lines = [
        f"{rotated.rewrapped:,} re-wrapped under the newest key, {rotated.already:,} already were, "
        f"{rotated.unreadable:,} unreadable."
    ]
    if rotated.unreadable:
        named = ", ".join(map(str, rotated.unreadable_users))
        more = " and more" if rotated.unreadable > len(rotated.unreadable_users) else ""
        lines.append(
            f"Unreadable by any key of ENCRYPTION_KEY: accounts {named}{more}. "
            "Add the key they were made with to the list and run this again."
        )
    else:
        lines.append(
            "Every account is under the newest key; the older ones can be taken out of ENCRYPTION_KEY."
        )
    return "\n".join(lines)
