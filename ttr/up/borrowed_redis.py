"""The embedded Redis for a command that is over soon: the running one, or one started for its own time."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ttr.up import locks
from ttr.up.children import Children
from ttr.up.datadir import make_private, redis_socket
from ttr.up.embedded_redis import EmbeddedRedis
from ttr.up.output import Output
from ttr.up.patience import Limits
from ttr.up.probe import listens, url_of
from ttr.up.refusal import Refusal

_STOP_WITHIN = 10.0


@asynccontextmanager
async def borrowed_redis(data_dir: Path) -> AsyncIterator[str]:
    """Its REDIS_URL. One that runs already stays; else `ttr up` is kept off the directory until the end.

    Raises Refusal if the directory has no database yet, or is in use by a `ttr up` that has no Redis right now.
    """
    path = redis_socket(data_dir)
    if path and listens(path):
        yield url_of(path)
        return
    if not (data_dir / "redis").is_dir():
        raise Refusal(
            f"There is no database in {data_dir}. Name its folder with --data-dir, or set REDIS_URL."
        )
    lock = locks.take(make_private(data_dir) / "lock")
    if lock is None:
        raise Refusal(f"A `ttr up` is just starting or stopping in {data_dir}. Try again in a moment.")
    # Its lines go where a progress line may go as well; what it finds is printed to stdout.
    output = Output(sys.stderr.fileno(), names=["redis"], colour=False)
    children = Children()
    redis = EmbeddedRedis(data_dir, children, output, Limits())
    try:
        await redis.start()
        yield redis.url
    finally:
        await redis.stop(within=_STOP_WITHIN)
        children.close()
        await output.close(within=1.0)
        os.close(lock)
