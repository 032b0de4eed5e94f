"""Loads the Lua commands: one file each, includes put in, as a function library of its own, called by FCALL.

A command's file begins with `#!lua` and a header that lists its KEYS, its ARGV and what it returns; a line
`---@include a b c` is replaced by those files of `scripts/lua/includes`. What they define lives as long as the library:
the hundred functions of a ping are made once, not at each call (docs/decisions/0037-functions.md).

A library is named by the digest of its source, so two versions of ttr run side by side on one Redis. One that Redis
does not have is loaded by whoever misses it, and the call is made again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from ttr.paths import LUA
from ttr.store import keys

_HEAD = re.compile(r"#!lua(?: flags=([\w-]+))?\n")
_INCLUDE = re.compile(r"^---@include (.+)\n", re.MULTILINE)
_OURS = "ttr_"

Arg = str | int | bytes


@dataclass(frozen=True, slots=True)
class Library:
    """A command as Redis gets it: the library and its one function have the same name."""

    name: str
    source: str


def assemble(name: str, before: str = "") -> str:
    """The source of a command's library, its includes put in and `before` run first. Raises FileNotFoundError, and
    ValueError for what is no command."""
    text = (LUA / f"{name}.lua").read_text(encoding="utf-8")
    head = _HEAD.match(text)
    if not head:
        raise ValueError(f"{name}.lua does not begin with #!lua")
    flags = f'"{head[1]}"' if head[1] else ""
    body, includes = text[head.end() :], ""
    if listed := _INCLUDE.search(body):
        includes = "".join(
            (LUA / "includes" / f"{part}.lua").read_text(encoding="utf-8") for part in listed[1].split()
        )
        body = body[: listed.start()] + body[listed.end() :]
    return (
        f"#!lua name={_OURS}{name}\n{includes}"
        f"local function command(KEYS, ARGV)\n{before}{body}end\n"
        f'redis.register_function{{function_name = "{_OURS}{name}", callback = command, flags = {{{flags}}}}}\n'
    )


def as_library(name: str, source: str) -> Library:
    """What `assemble` gave for command `name`, under a name that no other source has."""
    plain = _OURS + name
    unique = f"{plain}_{sha1(source.encode(), usedforsecurity=False).hexdigest()[:16]}"
    for of in (f"#!lua name={plain}\n", f'function_name = "{plain}"'):
        source = source.replace(of, of.replace(plain, unique))
    return Library(unique, source)


def is_missing(error: object) -> bool:
    """Whether an answer means that Redis does not have the function: nothing was run."""
    return isinstance(error, Exception) and str(error).removeprefix("ERR ") == "Function not found"


def _name_of(told: Any) -> str:
    """The name of one library as FUNCTION LIST tells it: a list of names and values."""
    name: bytes = dict(zip(told[::2], told[1::2], strict=True))[b"library_name"]
    return name.decode()


def command_names() -> list[str]:
    """Every command, by its file's name."""
    return sorted(path.stem for path in LUA.glob("*.lua"))


class Scripts:
    """The commands, ready to run against one Redis."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._libraries: dict[str, Library] = {}

    async def run(self, name: str, partition: int, args: Sequence[Arg]) -> Any:
        """Run command `name` on a partition; the answer's shape is in the command's header."""
        return await self.run_on(name, keys.prefix(partition), args)

    async def run_on(self, name: str, key: str, args: Sequence[Arg]) -> Any:
        """Run command `name` on one key outside the partitions."""
        return await self._call(self._library(name), [key], args)

    async def load(self, name: str) -> None:
        """Have command `name` ready in Redis, for pipelines that can't answer that it is not."""
        await self._load(self._library(name))

    def queue(self, pipe: Any, name: str, partition: int, args: Sequence[Arg]) -> None:
        """Put command `name` on a partition into a pipeline; the answer may be an error that `is_missing`."""
        self.queue_on(pipe, name, keys.prefix(partition), args)

    def queue_on(self, pipe: Any, name: str, key: str, args: Sequence[Arg]) -> None:
        """Put command `name` on one key outside the partitions into a pipeline; it may answer what `is_missing`."""
        pipe.fcall(self.name_of(name), 1, key, *args)

    def name_of(self, name: str) -> str:
        """The function that FCALL calls for command `name`."""
        return self._library(name).name

    def source_of(self, name: str) -> str:
        """The library that FUNCTION LOAD takes for command `name`."""
        return self._library(name).source

    async def remove_others(self) -> int:
        """Take libraries of ttr's that are not this version's out of Redis; returns how many there were.

        Nobody knows whether another version still runs. That is no harm: whoever misses one loads it again.
        """
        kept = {self.name_of(name) for name in command_names()}
        removed = set[str]()
        database: Any = self._redis
        for node in await database.primaries():
            others = {_name_of(told) for told in await node.function_list(f"{_OURS}*")} - kept
            for name in others:
                try:
                    await node.function_delete(name)
                except ResponseError as error:
                    if str(error) != "Library not found":  # another process was faster
                        raise
            removed |= others
        return len(removed)

    async def _call(self, library: Library, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        count = len(keys)
        try:
            return await self._redis.fcall(library.name, count, *keys, *args)
        except ResponseError as error:
            if not is_missing(error):
                raise
        await self._load(library)
        return await self._redis.fcall(library.name, count, *keys, *args)

    async def _load(self, library: Library) -> None:
        # REPLACE: several processes may miss it at once, and it is the same for all of them.
        await self._redis.function_load(library.source, replace=True)

    def _library(self, name: str) -> Library:
        library = self._libraries.get(name)
        if library is None:
            library = self._libraries[name] = as_library(name, assemble(name))
        return library
