"""What one check of the surroundings found."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "bad", "refusal"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line for an operator."""

    level: Level
    """`bad`: something does not work now; `refusal`: ttr does not start like this either."""
    subject: str
    """A word or two for what was looked at."""
    text: str
    """Sentences that say what it is and, unless it is ok, what to do. Never holds a secret."""

    @property
    def is_bad(self) -> bool:
        """Whether somebody has to act."""
        return self.level in ("bad", "refusal")
