"""The command `ttr doctor`: looks at everything that ttr stands on and says what is wrong and what to do.

A part of the surroundings is a section: a title, and a coroutine function that takes the settings and returns
findings. Trouble that it can't look past it raises as Refusal, or as an error of the store or the archive.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ttr.archive.errors import ArchiveUnavailable, ArchiveUnfit
from ttr.domain.finding import Finding
from ttr.settings import Settings
from ttr.store.errors import StoreUnavailable, StoreUnfit
from ttr.up.postgres_findings import look_at_postgres
from ttr.up.redis_findings import look_at_redis
from ttr.up.refusal import Refusal

_TROUBLE = (Refusal, StoreUnfit, StoreUnavailable, ArchiveUnfit, ArchiveUnavailable)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the surroundings."""

    title: str
    look: Callable[[Settings], Awaitable[list[Finding]]]


SECTIONS = (Section("Redis", look_at_redis), Section("Postgres", look_at_postgres))


async def doctor(settings: Settings, sections: Sequence[Section] = SECTIONS) -> int:
    """Print a line for each finding; 1 if something is bad, else 0, also with warnings."""
    every: list[Finding] = []
    for section in sections:
        try:
            found = await section.look(settings)
        except _TROUBLE as trouble:
            found = [Finding("bad", "reachable", str(trouble))]
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
