"""What is published of a check, and how little of the process it takes."""

import gc

from tests.domain.test_badge import a_check
from ttr.domain.flip import Flip
from ttr.domain.published import publish
from ttr.domain.uptime import DAYS, History, uptime

NOON = 1_772_366_400_000
DAY = 86_400_000


def test_the_days_are_kept_in_one_piece_and_read_as_they_were() -> None:
    """The garbage collector looks at each object that is kept, and nobody is answered while it does."""
    flips = [
        Flip(1, NOON - 2 * DAY, "down", "up", 5_000, "", ""),
        Flip(0, NOON - 9 * DAY, "up", "down", 7, "", ""),
    ]
    history = History(NOON - 30 * DAY, "up", NOON - 2 * DAY, flips, {(NOON // DAY - 20, "paused"): 4_000})
    shown = publish(a_check(), history, (), shown="up", now=NOON)
    assert shown.days == uptime(history, NOON).days
    assert len(shown.spent) == 4 * DAYS
    assert gc.get_referents(shown.spent) in ([], [type(shown.spent)])
