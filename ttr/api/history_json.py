"""How an answer says whether what lies beyond Redis' window is in it."""

from typing import Annotated

from pydantic import Field

from ttr.history import Reach

HistoryJson = Annotated[
    Reach,
    Field(
        description=(
            "complete: all that is kept of what was asked for is here. unavailable: Postgres has the rest and can't be "
            "read now; `next_cursor` goes on where this ends, so ask again later. off: there is no Postgres, and only "
            "the newest are kept."
        )
    ),
]
"""Beside what was found."""
