"""The form that the data in Redis has, and which versions of ttr may work on it.

Two numbers in `keys.meta`. `form` is that of the last migration (`ttr/store/migrations/`) which all data has been
through. `open_to` is the oldest form whose programs may go on beside it: they read what newer ones write, and newer
ones read what they write. A program knows one form, its own. It takes data of that form, and data of a newer one that
is open to it; whatever is older is brought forward by `ttr migrate` first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ttr.store import keys
from ttr.store.errors import StoreUnfit
from ttr.store.scripts import Scripts

FORM = 2
"""What this program reads and writes."""
OPEN_TO = 1
"""The oldest form whose programs may work beside this one."""
UNMARKED = 1
"""The form of data that was made before any was marked."""
MARKS = ("form", "open_to")


@dataclass(frozen=True, slots=True)
class Form:
    """What the marks say."""

    number: int
    open_to: int


def read_marks(values: Sequence[bytes | None]) -> Form | None:
    """The form that the values of MARKS tell; None where there are none. Raises StoreUnfit for what can't be one."""
    if values[0] is None and values[1] is None:
        return None
    try:
        form = Form(*(int(value or b"") for value in values))
    except ValueError:
        form = Form(0, 0)
    if min(form.number, form.open_to) < 1:
        told = ", ".join(f"{name} {value!r}" for name, value in zip(MARKS, values, strict=True))
        raise StoreUnfit(
            f"Nobody can tell in which form this Redis's data is: {keys.meta()} has {told}, which no ttr writes. "
            "Restore it from your backup, or set both to what docs/upgrade.md says of the version that ran last."
        )
    return form


def refusal(form: Form) -> str:
    """Why this program must not work on data of a form, and what to do; "" where it may."""
    if form.open_to > FORM:
        return (
            f"This Redis's data is in form {form.number}, for versions of ttr that know form {form.open_to} or a newer "
            f"one. This version knows form {FORM}. Run the newer ttr everywhere, or go back as docs/upgrade.md says."
        )
    if form.number < FORM:
        return (
            f"This Redis's data is in form {form.number}, and this version of ttr needs form {FORM}. Run `ttr "
            "migrate`, or wait for its end if it runs already."
        )
    return ""


async def read_form(redis: Any) -> Form | None:
    """The form of the data; None where there is no data yet. Raises StoreUnfit for marks that can't be read."""
    form = read_marks(await redis.hmget(keys.meta(), MARKS))
    if form is None and await _has_data(redis):
        # Read again: what was not there a moment ago may just have been begun by another process.
        form = read_marks(await redis.hmget(keys.meta(), MARKS))
        return form or Form(UNMARKED, UNMARKED)
    return form


async def set_form(scripts: Scripts, before: Form | None, after: Form) -> bool:
    """Mark the data, unless its form is another than `before` by now; None is that of data without marks."""
    number = before.number if before else ""
    return bool(await scripts.run_on("set_form", keys.meta(), [number, after.number, after.open_to]))


async def _has_data(redis: Any) -> bool:
    """Whether a process has ever worked on this Redis."""
    return bool(await redis.hexists(keys.meta(), "partitions") or await redis.exists(keys.sequence("user")))
