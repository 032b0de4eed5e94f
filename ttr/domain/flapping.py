"""When a check changes so often that its changes are no longer announced one by one. Pure."""

from dataclasses import dataclass
from typing import Protocol


class FlapSettings(Protocol):
    """The operator's settings that decide the rules."""

    @property
    def flap_window_seconds(self) -> int: ...
    @property
    def flap_threshold_changes(self) -> int: ...
    @property
    def flap_suppression_seconds(self) -> int: ...


@dataclass(frozen=True, slots=True)
class FlapRules:
    """Durations in milliseconds."""

    window_ms: int
    threshold: int
    """Changes between up and down inside the window that begin the flapping; 0: it never begins."""
    suppression_ms: int
    """Calm after which it ends."""


def flap_rules(settings: FlapSettings) -> FlapRules:
    """The rules that the operator's settings make."""
    return FlapRules(
        settings.flap_window_seconds * 1000,
        settings.flap_threshold_changes,
        settings.flap_suppression_seconds * 1000,
    )
