"""How often the API may be called: who is counted, and the headers that say what is left.

`RateLimit-Policy` and `RateLimit` are as in draft-ietf-httpapi-ratelimit-headers-11: lists of strings with
parameters, the zone's name with its quota `q` and window `w` in seconds, and what remains `r` for `t` seconds.
"""

from typing import cast

from quart import Blueprint, Response, g

from ttr import current
from ttr.domain.allowance import Allowance
from ttr.now import now_ms
from ttr.store import allowances
from ttr.store.errors import TooMany


async def spend(zone: str, who: str | int) -> None:
    """Take one use of a zone's limit for `who`. Raises TooMany when there is none left."""
    note(await allowances.take(current.store(), current.settings().limit(zone), who, now=now_ms()))


def note(allowance: Allowance | None) -> None:
    """Keep an allowance that was taken from for the answer's headers. Raises TooMany if it was refused."""
    if allowance is None:
        return
    g.setdefault("allowances", []).append(allowance)
    if not allowance.allowed:
        raise TooMany(allowance)


def install(blueprint: Blueprint) -> None:
    """Put what is left on every answer for which something was taken."""

    @blueprint.after_request
    async def _show(response: Response) -> Response:
        taken = cast(list[Allowance], g.get("allowances", []))
        if taken:
            policies, scarcest = fields(taken)
            response.headers["RateLimit-Policy"] = policies
            response.headers["RateLimit"] = scarcest
        return response


def fields(taken: list[Allowance]) -> tuple[str, str]:
    """The two headers: every policy that was asked, in order, and what is left of the scarcest."""
    scarcest = min(taken, key=lambda allowance: (allowance.allowed, allowance.remaining))
    policies = [f'"{a.limit.zone}";q={a.limit.count};w={a.limit.seconds}' for a in taken]
    # Who was refused wants to know when there is one more, not when there are all again.
    wait = scarcest.retry_ms if not scarcest.allowed else scarcest.reset_ms
    return ", ".join(policies), f'"{scarcest.limit.zone}";r={scarcest.remaining};t={-(-wait // 1_000)}'
