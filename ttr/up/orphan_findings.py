"""What `ttr doctor` says of what was left behind: claims that lead nowhere, and marks of a snapshot that broke off."""

from collections import Counter

from ttr.domain.finding import Finding
from ttr.domain.text import counted
from ttr.settings import Settings
from ttr.store.orphans import Orphans, find_orphans
from ttr.store.redis import open_store, wait_until_ready
from ttr.up.borrowed import borrowed

_WITHIN = 5.0
_WORDS = {
    "check-uuid": "UUIDs of checks",
    "user-slug": "ping slugs",
    "public-slug": "public slugs",
    "access-key": "access keys",
    "telegram": "Telegram accounts",
}


async def look_at_orphans(settings: Settings) -> list[Finding]:
    """A bounded walk over the keys. Raises Refusal and StoreUnavailable."""
    async with (
        borrowed(settings) as servers,
        open_store(await servers.redis(), cluster=settings.redis_cluster) as store,
    ):
        await wait_until_ready(store, _WITHIN)
        return [judge_orphans(await find_orphans(store))]


def judge_orphans(orphans: Orphans) -> Finding:
    """What was looked at, and what leads nowhere."""
    claims = counted(orphans.claims.total(), "claim")
    bound = "" if orphans.complete else ", the first of more than are looked at"
    looked = f"Of {claims} among {counted(orphans.looked, 'key')}{bound}"
    if not orphans.found:
        return Finding("ok", "claims", f"{looked} all lead to an account or a check.")
    kinds = Counter(claim.kind for claim in orphans.found)
    told = ", ".join(f"{number:,} {_WORDS[kind]}" for kind, number in kinds.items())
    return Finding(
        "warning",
        "claims",
        f"{looked} {len(orphans.found):,} lead nowhere: {told}. Work that was broken off leaves some, and work "
        "under way has some. They do no harm but that nobody else can have them; `ttr cleanup` removes those that "
        "still lead nowhere a minute later.",
    )
