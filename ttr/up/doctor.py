"""The command `ttr doctor`: looks at everything that ttr stands on and says what is wrong and what to do.

A part of the surroundings is a section: a title, and a coroutine function that takes the settings and returns
findings. Trouble that it can't look past it raises as Refusal, or as an error of the store or the archive.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ttr.archive.errors import ArchiveUnavailable, ArchiveUnfit
from ttr.domain.finding import Finding
from ttr.settings import Settings
from ttr.store.errors import StoreUnavailable, StoreUnfit
from ttr.up.borrowed import borrowed
from ttr.up.channel_findings import look_at_channels
from ttr.up.orphan_findings import look_at_orphans
from ttr.up.postgres_findings import look_at_postgres
from ttr.up.queue_findings import look_at_queue
from ttr.up.redis_findings import look_at_redis
from ttr.up.refusal import Refusal
from ttr.up.settings_findings import look_at_settings
from ttr.up.version_findings import look_at_versions

_TROUBLE = (Refusal, StoreUnfit, StoreUnavailable, ArchiveUnfit, ArchiveUnavailable)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the surroundings."""

    title: str
    look: Callable[[Settings], Awaitable[list[Finding]]]
    after: str = ""
    """A section without which this one has nothing to look at: left out when that one met trouble."""


SECTIONS = (
    Section("Settings", look_at_settings),
    Section("Redis", look_at_redis),
    Section("Postgres", look_at_postgres),
    Section("Versions", look_at_versions, after="Redis"),
    Section("Queue and processes", look_at_queue, after="Redis"),
    Section("Left behind", look_at_orphans, after="Redis"),
    Section("Channels", look_at_channels, after="Redis"),
)


async def doctor(settings: Settings, sections: Sequence[Section] = SECTIONS) -> int:
    """Print a line for each finding; 1 if something is bad, else 0, also with warnings."""
    every: list[Finding] = []
    in_trouble = set[str]()
    async with borrowed(settings) as servers:
        if any(section.after for section in sections):
            # Held until the end: an embedded one is started once and not for each section.
            with suppress(*_TROUBLE):
                await servers.redis()
        for section in sections:
            if section.after in in_trouble:
                continue
            try:
                found = await section.look(settings)
            except _TROUBLE as trouble:
                found = [Finding("bad", "reachable", str(trouble))]
                in_trouble.add(section.title)
            print(section.title)
            for finding in found:
                print(_line(finding), flush=True)
            every += found
    bad = sum(finding.is_bad for finding in every)
    warnings = sum(finding.level == "warning" for finding in every)
    print(f"{bad} bad, {warnings} warning{'' if warnings == 1 else 's'}, {len(every) - bad - warnings} ok.")
    return 1 if bad else 0


def _line(finding: Finding) -> str:
    level = "bad" if finding.is_bad else finding.level
    first, *more = finding.text.splitlines()
    return "\n".join(
        [f"  {level:<7}  {finding.subject:<16}  {first}", *(f"           {line}" for line in more)]
    )
