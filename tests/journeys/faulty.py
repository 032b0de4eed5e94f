"""A process of ttr in which one function never returns: `-m tests.journeys.faulty clock ttr.chores.finish_lapsed`.

With a word more its second call does not even let the event loop go on.
"""

import asyncio
import sys
import time
from importlib import import_module
from itertools import count
from typing import Any

from ttr.cli import main


async def _hang(*_: Any, **__: Any) -> None:
    await asyncio.sleep(3_600)


async def _block(*_: Any, _calls: Any = count(1), **__: Any) -> None:  # noqa: B008  # it counts all of them
    if next(_calls) > 1:
        time.sleep(3_600)


if __name__ == "__main__":
    command, path, *blocks = sys.argv[1:]
    module, _, name = path.rpartition(".")
    try:
        place: Any = import_module(module)
    except ModuleNotFoundError:  # a method: its class is the last part
        module, _, inner = module.rpartition(".")
        place = getattr(import_module(module), inner)
    setattr(place, name, _block if blocks else _hang)
    sys.exit(main([command]))
