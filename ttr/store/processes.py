"""What processes say of themselves, and who reads it: `ttr/domain/liveness.py` judges it."""

import json
from collections.abc import Mapping
from dataclasses import asdict

from ttr.domain.liveness import FORGOTTEN_MS, KINDS, Process
from ttr.store import keys
from ttr.store.redis import Store, store_trouble


async def say(store: Store, process: Process) -> None:
    """Say how this process does. One small write, some 300 bytes."""
    fields = asdict(process)
    del fields["id"]
    with store_trouble():
        await store.redis.hset(
            keys.processes(), process.id, json.dumps(fields, separators=(",", ":"), ensure_ascii=False)
        )


async def say_goodbye(store: Store, process_id: str) -> None:
    """Let nobody miss this process."""
    with store_trouble():
        await store.redis.hdel(keys.processes(), process_id)


async def read_processes(store: Store) -> list[Process]:
    """All that have said something and did not say goodbye, those that are to be forgotten among them."""
    with store_trouble():
        return unpack_processes(await store.redis.hgetall(keys.processes()))


def unpack_processes(found: Mapping[bytes, bytes]) -> list[Process]:
    """The processes in the fields of `keys.processes`; what a later version calls otherwise is left out."""
    processes = []
    for process_id, text in found.items():
        fields = json.loads(text)
        if fields["kind"] in KINDS:
            known = {name: fields[name] for name in Process.__dataclass_fields__ if name in fields}
            processes.append(Process(id=process_id.decode(), **known))
    return processes


async def forget_the_dead(store: Store, now: int) -> None:
    """Take off whoever has said nothing for a minute. One that comes back says everything anew."""
    dead = [one.id for one in await read_processes(store) if now - one.beat_at >= FORGOTTEN_MS]
    if dead:
        with store_trouble():
            await store.redis.hdel(keys.processes(), *dead)
