"""What is to be said of a slug while it is typed: free, taken or not one; and one made of the name."""

from quart import Response, request

from ttr import current
from ttr.domain import limits
from ttr.domain.check import Check
from ttr.domain.check_input import slug_fault
from ttr.domain.slug_hint import numbered, slug_hint
from ttr.store.checks import get_checks
from ttr.store.users import User
from ttr.web.reply import fragment
from ttr.web.security import require_user

_TURNS = 9


async def show() -> Response:
    """The line below the field. Nothing depends on it: what is saved is judged then."""
    user = await require_user()
    slug = request.args.get("slug", "")[: limits.SLUG_MAX + 1]
    name = request.args.get("name", "")[: limits.NAME_MAX]
    check_id = request.args.get("check_id", "")
    fault = slug_fault(slug) if slug else None
    wanted = slug_hint(slug if fault else name)
    hints = numbered(wanted, _TURNS) if wanted else []
    asked = [slug] if slug and not fault else []
    holders = await _holders(user, [*asked, *hints], check_id)
    taken = holders.get(slug) if asked else None
    if taken:
        hints = numbered(slug, _TURNS)
        holders |= await _holders(user, hints, check_id)
    hint = next((one for one in hints if holders.get(one) is None), "")
    return await fragment(
        "checks/_slug.html", slug=slug, fault=fault, taken=taken, hint="" if asked and not taken else hint
    )


async def _holders(user: User, slugs: list[str], check_id: str) -> dict[str, Check | None]:
    """Which other check has each of these slugs."""
    found = await get_checks(current.store(), user, slugs) if slugs else []
    others = (check if check is not None and str(check.id) != check_id else None for check in found)
    return dict(zip(slugs, others, strict=True))
