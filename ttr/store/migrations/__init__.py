"""Migrations of the data in Redis, each a file of its own: what brings all of it from one form into the next.

`rNNNN_<what>.py` has an OPEN_TO, WHAT it does in words, and `move`, which may run any number of times over the same
data, also over data that a run before has moved in part, while processes of the forms from OPEN_TO on go on working.
CONTRIBUTING.md says how to write one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ttr.store.migrations import r0002_keys_and_times
from ttr.store.redis import Store
from ttr.store.walk import Walk


@dataclass(frozen=True, slots=True)
class Migration:
    """From form `form - 1` to `form`."""

    form: int
    open_to: int
    """The oldest form whose programs may work on the data while it is moved and afterwards."""
    what: str
    """Words for the operator, such as "every account lists its keys"."""
    move: Callable[[Store, Walk], Awaitable[None]]
    """Raises what redis-py raises; then it is run again."""


MIGRATIONS = tuple(
    Migration(form, module.OPEN_TO, module.WHAT, module.move)
    for form, module in enumerate((r0002_keys_and_times,), start=2)
)
"""All there are, oldest first; the last one's `form` and `open_to` are FORM and OPEN_TO of `ttr/store/form.py`."""
