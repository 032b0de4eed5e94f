"""The account's two slugs: looked up while they are typed, changed, and former ones ended early."""

from quart import Response, request

from ttr import accounts, current
from ttr.domain.account_slug import account_slug_fault
from ttr.domain.limits import SLUG_MAX
from ttr.now import now_ms
from ttr.store import allowances
from ttr.store.account_slugs import FAMILIES, FORMER_DAYS, FORMER_MAX, Family, former_slugs, is_free
from ttr.store.errors import AccountSlugTaken, Busy, NotFound, QuotaReached, TooMany
from ttr.store.users import User
from ttr.web.reply import fragment, page, see
from ttr.web.said import saying
from ttr.web.security import owner_only, require_user

PAGE = "/account/names"


async def show() -> Response:
    """The page."""
    return await _names_page(await require_user())


async def state() -> Response:
    """The line below a field: whether the slug is free, and what its addresses would be. Nothing depends on it: what is
    saved is judged then. Asking counts for itself, so that typing never uses up the changes one may make.
    """
    user = await require_user()
    family = _family(request.args.get("family", ""))
    slug = request.args.get("slug", "")[: SLUG_MAX + 1]
    found: dict[str, object] = {"family": family, "slug": slug, "base": _bases(user, slug)[family]}
    if slug in ("", _slugs(user)[family]):
        return await fragment("account/_slug.html", same=True, **found)
    if fault := account_slug_fault(slug):
        return await fragment("account/_slug.html", fault=fault, **found)
    try:
        await _spend("slug", user)
    except TooMany as error:
        seconds = error.allowance.retry_seconds
        fault = f"Looked up too often; the next look is possible in {seconds} s. Saving works all the same."
        return await fragment("account/_slug.html", fault=fault, **found)
    free = await is_free(current.store(), user, family, slug)
    return await fragment("account/_slug.html", free=free, **found)


async def update() -> Response:
    """Change one of the two slugs; 422 with the reason beside the field, 403 where ping slugs are fixed."""
    user = await require_user()
    owner_only(user)
    form = await request.form
    family, slug = _family(form.get("family", "")), form.get("slug", "").strip()[: SLUG_MAX + 1]
    if family == "user_slug" and not current.settings().user_slug_enabled:
        return await _names_page(user, 403, errors={family: accounts.SLUG_IS_FIXED})
    if slug == _slugs(user)[family]:
        return see(PAGE)
    fault = account_slug_fault(slug)
    if fault is None:
        await _spend("account", user)
        try:
            await accounts.rename(
                current.store(),
                user,
                user_slug=slug if family == "user_slug" else None,
                public_slug=slug if family == "public_slug" else None,
                now=now_ms(),
            )
        except (AccountSlugTaken, QuotaReached, Busy) as error:
            fault = str(error)
    if fault is not None:
        return await _names_page(user, 422, typed={family: slug}, errors={family: fault})
    return saying(see(PAGE), "Saved.")


async def confirm_end(slug: str) -> Response:
    """Asks before a former slug ends."""
    user = await require_user()
    former = next(
        (one for one in await former_slugs(current.store(), user, now_ms()) if one.slug == slug), None
    )
    if former is None:
        raise NotFound("no such former slug")
    return await page("account/end_slug.html", former=former, base=current.base_url())


async def end(slug: str) -> Response:
    """End a former slug that its owner has said yes to."""
    user = await require_user()
    owner_only(user)
    if (await request.form).get("sure") != "yes":
        return see(f"{PAGE}/former/{slug}/end")
    await _spend("account", user)
    try:
        await accounts.end_former_slug(current.store(), user, slug, now=now_ms())
    except Busy as error:
        return await _names_page(user, 422, errors={"user_slug": str(error)})
    return saying(see(PAGE), f"{slug} has ended.")


async def _names_page(
    user: User,
    status: int = 200,
    *,
    typed: dict[Family, str] | None = None,
    errors: dict[Family, str] | None = None,
) -> Response:
    now = now_ms()
    return await page(
        "account/names.html",
        status,
        now=now,
        values={**_slugs(user), **(typed or {})},
        errors=errors or {},
        bases=_bases(user, ""),
        former=await former_slugs(current.store(), user, now),
        former_days=FORMER_DAYS,
        former_max=FORMER_MAX,
        fixed=not current.settings().user_slug_enabled,
    )


def _family(text: str) -> Family:
    """Which of the two slugs is meant. Raises NotFound for neither."""
    if text not in FAMILIES:
        raise NotFound("no such slug")
    return text


def _slugs(user: User) -> dict[Family, str]:
    return {"user_slug": user.user_slug, "public_slug": user.public_slug}


def _bases(user: User, slug: str) -> dict[Family, str]:
    """What addresses under each slug begin with; "" for the present ones."""
    base = current.base_url()
    return {
        "user_slug": f"{base}/p/{slug or user.user_slug}",
        "public_slug": f"{base}/s/{slug or user.public_slug}",
    }


async def _spend(zone: str, user: User) -> None:
    await allowances.spend(current.store(), current.settings().limit(zone), user.id, now=now_ms())
