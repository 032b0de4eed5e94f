"""One command of ours many times in one round trip."""

from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError

from ttr.store.redis import Store
from ttr.store.scripts import Arg


async def run_many(store: Store, name: str, partition: int, calls: Sequence[Sequence[Arg]]) -> list[Any]:
    """The answers of command `name` on a partition to each of these arguments, run one after the other.

    Redis serves nobody between the commands of a pipeline: whoever asks chooses so many that all of them take a few ms.
    A command that failed is run once more by itself, after the others: most likely Redis was restarted and had not got
    it. Raises what that raises.
    """
    async with store.redis.pipeline(transaction=False) as pipe:
        for call in calls:
            store.scripts.queue(pipe, name, partition, call)
        answers: list[Any] = await pipe.execute(raise_on_error=False)
    for place, answer in enumerate(answers):
        if isinstance(answer, RedisError):
            answers[place] = await store.scripts.run(name, partition, calls[place])
    return answers
