"""Loads the Lua commands: one file each, includes put in, run by EVALSHA.

A command's file begins with `#!lua` and a header that lists its KEYS, its ARGV and what it returns; a line
`---@include a b c` is replaced by those files of `scripts/lua/includes`. redis-py sends the SHA and, when a
restarted Redis answers NOSCRIPT, loads the source and runs it again.
"""

import re
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from ttr.paths import LUA
from ttr.store import keys

_INCLUDE = re.compile(r"^---@include (.+)$", re.MULTILINE)

Arg = str | int | bytes


def assemble(name: str) -> str:
    """The source of a command with its includes, as Redis gets it. Raises FileNotFoundError."""
    source = (LUA / f"{name}.lua").read_text(encoding="utf-8")
    match = _INCLUDE.search(source)
    if match is None:
        return source
    parts = [(LUA / "includes" / f"{part}.lua").read_text(encoding="utf-8") for part in match[1].split()]
    return source[: match.start()] + "\n".join(parts) + source[match.end() :]


def command_names() -> list[str]:
    """Every command, by its file's name."""
    return sorted(path.stem for path in LUA.glob("*.lua"))


class Scripts:
    """The commands, ready to run against one Redis."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._loaded: dict[str, AsyncScript] = {}

    async def run(self, name: str, partition: int, args: Sequence[Arg]) -> Any:
        """Run command `name` on a partition; the answer's shape is in the command's header."""
        return await self.run_on(name, keys.prefix(partition), args)

    async def run_on(self, name: str, key: str, args: Sequence[Arg]) -> Any:
        """Run command `name` on one key outside the partitions."""
        return await self._script(name)(keys=[key], args=list(args))

    async def load(self, name: str) -> None:
        """Have command `name` ready in Redis, for pipelines that can't answer that it is not."""
        await self._redis.script_load(assemble(name))

    def queue(self, pipe: Any, name: str, partition: int, args: Sequence[Arg]) -> None:
        """Put command `name` on a partition into a pipeline; it may answer NoScriptError."""
        self.queue_on(pipe, name, keys.prefix(partition), args)

    def queue_on(self, pipe: Any, name: str, key: str, args: Sequence[Arg]) -> None:
        """Put command `name` on one key outside the partitions into a pipeline; it may answer NoScriptError."""
        # Not AsyncScript's own way: it asks in a round trip of its own whether Redis has the script.
        pipe.evalsha(self._script(name).sha, 1, key, *args)

    def _script(self, name: str) -> AsyncScript:
        script = self._loaded.get(name)
        if script is None:
            script = self._loaded[name] = self._redis.register_script(assemble(name))
        return script
