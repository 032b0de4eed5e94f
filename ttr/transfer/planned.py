"""What an import starts from and what it would do, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ttr.domain.check import Check, CheckSettings
from ttr.domain.invalid import FieldError
from ttr.domain.limits import NUMBER_MAX
from ttr.domain.status_page import StatusPage, StatusPageSettings
from ttr.domain.transfer import Refused
from ttr.store.channels import Channel


@dataclass(frozen=True, slots=True)
class Account:
    """What is there before."""

    checks: Sequence[Check]
    channels: Mapping[int, Channel]
    uuids: Mapping[str, int]
    """UUIDs of the file that somebody has, and the account that has it."""
    pages: Sequence[StatusPage]


@dataclass(frozen=True, slots=True)
class NewChannel:
    """A channel to make; `given` is as the API takes it."""

    given: Mapping[str, object]
    signing: str
    """The secret that receivers know its messages by; "" for a new one."""


@dataclass(frozen=True, slots=True)
class Step:
    """A check to make (`before` is None) or to change."""

    index: int
    before: Check | None
    settings: CheckSettings
    """Its channels are None: `refs` name them."""
    uuid: str | None
    paused: bool
    refs: tuple[str, ...] | None
    own: tuple[NewChannel, ...]


@dataclass(frozen=True, slots=True)
class PageStep:
    """A status page to make (`before` is None) or to change."""

    before: StatusPage | None
    settings: StatusPageSettings
    """A check that is yet to be made is in it by its stand-in."""


def stand_in(index: int) -> int:
    """The number that stands for a check of the file that is yet to be made: none that any check has."""
    return NUMBER_MAX - index


@dataclass(slots=True)
class Plan:
    """What would happen; nothing does when `refused` or `faults` hold anything."""

    refs: dict[str, int] = field(default_factory=dict)
    """The file's channels that are there already: ref -> number."""
    channels: dict[str, NewChannel] = field(default_factory=dict)
    """Those to make, by ref."""
    created: list[Step] = field(default_factory=list)
    changed: list[Step] = field(default_factory=list)
    """In an order in which each slug is free when its turn comes."""
    unchanged: int = 0
    pages_created: list[PageStep] = field(default_factory=list)
    pages_changed: list[PageStep] = field(default_factory=list)
    pages_unchanged: int = 0
    refused: list[Refused] = field(default_factory=list)
    faults: list[FieldError] = field(default_factory=list)
    malformed: bool = False
    """Whether anything is wrong with the file itself, not only beside what the account holds."""
    warnings: list[str] = field(default_factory=list)
    renumbered: list[str] = field(default_factory=list)
    """Names of checks whose UUIDs other accounts have."""

    @property
    def channel_count(self) -> int:
        """How many channels it makes."""
        return len(self.channels) + sum(len(step.own) for step in (*self.created, *self.changed))
