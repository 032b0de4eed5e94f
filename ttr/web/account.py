"""The account's own page: how it looks, its key, what it holds, its file."""

from quart import Response

from ttr import current
from ttr.domain.limits import IMPORT_BODY_MAX, PASSPHRASE_MAX, PASSPHRASE_MIN
from ttr.domain.preferences import PAGE_SIZES
from ttr.domain.zones import zone_names
from ttr.now import now_ms
from ttr.store.channels import list_channels
from ttr.store.check_list import check_counts
from ttr.store.users import User, account_facts, body_bytes_of
from ttr.web.appearance import browser_tz, preferences
from ttr.web.badge_picker import account_codes
from ttr.web.reply import page
from ttr.web.security import require_user


async def show() -> Response:
    """The page."""
    return await account_page(await require_user())


async def account_page(
    user: User, status: int = 200, *, errors: dict[str, str] | None = None, import_user_slug: str = ""
) -> Response:
    """The page, with what was wrong with a form of it, and the ping slug that was sent with a file."""
    store, settings, now = current.store(), current.settings(), now_ms()
    channels = [channel for channel in await list_channels(store, user) if channel.own_check is None]
    return await page(
        "account/show.html",
        status,
        now=now,
        errors=errors or {},
        import_user_slug=import_user_slug,
        look=preferences(),
        page_sizes=PAGE_SIZES,
        zones=sorted(zone_names()),
        browser_tz=browser_tz(),
        facts=await account_facts(store, user),
        counts=await check_counts(store, user, now=now),
        channels=channels,
        kept_bytes=await body_bytes_of(store, user),
        settings=settings,
        badge=account_codes(user),
        passphrase_min=PASSPHRASE_MIN,
        passphrase_max=PASSPHRASE_MAX,
        file_max=IMPORT_BODY_MAX,
    )
