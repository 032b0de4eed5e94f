"""The check: what its owner set, what its pings made of it, and what it shows at a given moment. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ttr.domain.content import ContentRule
from ttr.domain.schedule import Schedule

Status = Literal["new", "up", "down", "paused"]


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """Everything an owner may change about a check, validated (`ttr/domain/check_input.py`)."""

    name: str
    slug: str | None
    tags: tuple[str, ...]
    description: str
    schedule: Schedule
    grace_seconds: int
    max_runtime_seconds: int | None
    notify_after_failures: int | None
    notify_on_up: bool
    remind_every_minutes: int | None
    """While it is down, told and not acknowledged; None: told once."""
    rule: ContentRule | None
    post_only: bool
    channels: tuple[int, ...] | None
    """Channel ids; None leaves them as they are."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A label of the account; `id` is stable while any check carries it."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Run:
    """A job between its start and its end."""

    rid: str
    started: int


@dataclass(frozen=True, slots=True)
class Check:
    """A check as stored. Times are milliseconds UTC; None where nothing happened yet."""

    id: int
    uuid: str
    user_id: int
    settings: CheckSettings
    tags: tuple[Tag, ...]
    channels: tuple[int, ...]
    own_channels: Mapping[str, int]
    """Kind of channel -> the channel of that kind that only this check uses."""
    created_at: int
    revision: str
    status: Status
    status_since: int
    last_ping: int | None
    last_start: int | None
    last_duration_ms: int | None
    failure_count: int
    ping_count: int
    alerted: bool
    due: int | None
    deadline: int | None
    runs: tuple[Run, ...]
    has_body: bool
    armed_from: int | None = None
    """When it was last resumed."""
    reason: str = ""
    """Why it is down, as in `ttr.domain.alert.Reason`; "" otherwise."""
    reason_detail: str = ""
    acknowledged: bool = False
    """Whether somebody has ended the reminders of this failure."""
    flapping_until: int | None = None
    """Until when it must stay calm; while it flaps, its changes are not announced one by one."""
    flip_count: int = 0
    """Changes of status since it began to flap, with those that made it count as flapping."""

    @property
    def name(self) -> str:
        """The name people gave it."""
        return self.settings.name

    @property
    def address(self) -> str:
        """The last part of its ping URL: its slug, or its UUID when it has none."""
        return self.settings.slug or self.uuid

    @property
    def paused(self) -> bool:
        """Whether it only records: a paused check never alerts."""
        return self.status == "paused"

    @property
    def running(self) -> bool:
        """Whether a run has started and not ended."""
        return bool(self.runs)

    @property
    def flapping(self) -> bool:
        """Whether it changes too often to be announced each time."""
        return self.flapping_until is not None

    def late_at(self, now: int) -> bool:
        """Whether it is past due and not yet down: inside its grace, or just before the clock's look.

        A run that holds the deadline (its maximum runtime counts from its start) is not late.
        """
        if self.status not in ("new", "up") or self.due is None or self.deadline is None:
            return False
        if self.running and self.settings.max_runtime_seconds is not None:
            return False
        return self.due <= now
