"""A change of a check's status, as its history keeps it. Pure."""

from dataclasses import dataclass

from ttr.domain.check import Status


@dataclass(frozen=True, slots=True)
class Flip:
    """One change. `number` counts the changes of the check from 1; `at` is in ms UTC."""

    number: int
    at: int
    old: Status
    new: Status
    lasted_ms: int
    """How long the old status had lasted; 0 when the clock had been set back meanwhile."""
    reason: str = ""
    """Why it is down, as in `ttr.domain.alert.Reason`; "" otherwise."""
    detail: str = ""
