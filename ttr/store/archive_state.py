"""What the clock last said about the archive in Postgres, for whoever asks a web process."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from ttr.store import keys
from ttr.store.redis import Store, store_trouble

State = Literal["ok", "away", "refused"]


@dataclass(frozen=True, slots=True)
class ArchiveState:
    """How snapshots go."""

    state: State
    """`away`: Postgres doesn't take them now. `refused`: somebody has to do something; `detail` says what."""
    detail: str
    saved_at: int
    """Whatever was acknowledged before this moment (ms) is in Postgres; 0 before the first snapshot."""
    noted_at: int
    """When the clock said so, ms."""


async def note_archive(
    store: Store, state: State, *, detail: str = "", saved_at: int | None = None, now: int
) -> None:
    """Say how it goes; without `saved_at` the last one stays."""
    fields: dict[str, str | int] = {"state": state, "detail": detail, "noted_at": now}
    if saved_at is not None:
        fields["saved_at"] = saved_at
    with store_trouble():
        await store.redis.hset(keys.archive_state(), mapping=fields)


async def forget_archive(store: Store) -> None:
    """Say that there is none."""
    with store_trouble():
        await store.redis.delete(keys.archive_state())


async def read_archive(store: Store) -> ArchiveState | None:
    """What was said last; None where there is no archive."""
    with store_trouble():
        found = await store.redis.hgetall(keys.archive_state())
    return unpack_archive(found)


def unpack_archive(found: Mapping[bytes, bytes]) -> ArchiveState | None:
    """The same of the fields of `keys.archive_state`."""
    if not found:
        return None
    text = {name.decode(): value.decode() for name, value in found.items()}
    return ArchiveState(
        cast(State, text["state"]), text["detail"], int(text.get("saved_at", 0)), int(text["noted_at"])
    )
