"""Data as a version of form 1 wrote it, a few months before any was marked: `form1.json` holds the commands."""

import json
from pathlib import Path

from ttr.store.redis import Store

_WRITTEN = json.loads((Path(__file__).parent / "form1.json").read_text())
NOON = 1_772_366_400_000
MASTER_KEY = "cmVhbGx5IG9ubHkgZm9yIHRlc3RzLCAzMiBieXRlcyE="
KEYS: dict[str, str] = _WRITTEN["keys"]
"""Access keys: of account 1, which names it (`named`), of account 2, which is older and doesn't (`unnamed`), and of
account 3, which was being deleted (`closed`)."""


async def put(store: Store) -> None:
    """Put it into an empty Redis."""
    for command, *arguments in _WRITTEN["commands"]:
        await store.redis.execute_command(command, *(argument.encode("latin-1") for argument in arguments))
