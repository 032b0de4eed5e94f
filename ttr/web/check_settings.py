"""The form of a check: for a new one, and on the page of an existing one's settings."""

from dataclasses import replace

from quart import Response, request

from ttr import current
from ttr.domain.check import Check
from ttr.domain.invalid import Invalid
from ttr.now import now_ms
from ttr.store.channels import Channel, list_channels
from ttr.store.checks import create_check, get_check, update_check
from ttr.store.errors import NotFound, QuotaReached, SlugTaken, UnknownChannel
from ttr.store.tags import common_tags
from ttr.store.users import User
from ttr.web import check_form, schedule_form
from ttr.web.appearance import viewer_tz
from ttr.web.badge_picker import plain_codes, takes_pings
from ttr.web.reply import by_htmx, fragment, is_ours, page, see, way_back
from ttr.web.said import saying
from ttr.web.security import require_user

_TAGS_OFFERED = 40

_Refusal = Invalid | SlugTaken | QuotaReached | UnknownChannel


async def new() -> Response:
    """The form of a new check: empty, like another check (`like`), or filled in by the link's other fields."""
    user = await require_user()
    values = check_form.blank()
    if number := request.args.get("like", ""):
        values = await _like(user, number)
    return await form_page(user, check_form.of_query(request.args, values))


async def create() -> Response:
    """Make a check; bad input comes back as the form, its errors beside their fields."""
    user = await require_user()
    now = now_ms()
    values = check_form.of_request(await request.form)
    try:
        settings = check_form.parse(values, now=now)
        check = await create_check(
            current.store(), user, settings, now=now, most=current.settings().checks_per_account
        )
    except (Invalid, SlugTaken, QuotaReached, UnknownChannel) as error:
        return await _refused(user, values, None, error)
    return see(f"/checks/{check.id}")


async def show(check_id: int) -> Response:
    """A check's settings, and below them what pauses, copies and deletes it."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    return await form_page(user, check_form.of_settings(check.settings), check)


async def update(check_id: int) -> Response:
    """Replace a check's settings; its channels stay."""
    user = await require_user()
    now = now_ms()
    check = await get_check(current.store(), user, str(check_id))
    values = check_form.of_request(await request.form)
    # Its channels have a page of their own.
    values.pop("channels", None)
    try:
        check = await update_check(
            current.store(),
            user,
            str(check.id),
            lambda settings: check_form.parse(values, now=now, current=settings),
            now=now,
        )
    except (Invalid, SlugTaken) as error:
        return await _refused(user, values, check, error)
    return saying(see(await way_back(f"/checks/{check.id}")), f"{check.name} is saved.")


async def moved(check_id: int) -> Response:
    """To a check's settings."""
    return see(f"/checks/{check_id}/settings")


async def moved_to_new() -> Response:
    """To the empty form."""
    return see("/checks/new")


async def form_page(
    user: User,
    values: check_form.Values,
    check: Check | None = None,
    *,
    open_builder: bool = False,
    build_fault: str = "",
) -> Response:
    """The page of the form, for a new check or an existing one."""
    context = await _context(user, values, check, {})
    return await page(_template(check), **context, open_builder=open_builder, fault=build_fault)


async def _refused(user: User, values: check_form.Values, check: Check | None, error: _Refusal) -> Response:
    match error:
        case Invalid():
            errors = check_form.errors_by_field(error.errors)
        case SlugTaken():
            errors = {"slug": str(error)}
        case UnknownChannel():
            errors = {
                "channels": "One of the channels is gone meanwhile. Look who is told now, and save again."
            }
        case _:
            errors = {"": str(error)}
    context = await _context(user, values, check, errors)
    if by_htmx():
        return await fragment("checks/_form.html", 422, **context)
    return await page(_template(check), 422, **context)


async def _like(user: User, number: str) -> check_form.Values:
    if not (number.isascii() and number.isdigit()):
        raise NotFound("no such check")
    check = await get_check(current.store(), user, number)
    shared = [channel for channel in check.channels if channel not in check.own_channels.values()]
    settings = replace(check.settings, tags=tuple(tag.name for tag in check.tags))
    return check_form.like(settings, shared)


async def _context(
    user: User, values: check_form.Values, check: Check | None, errors: dict[str, str]
) -> dict[str, object]:
    now, store = now_ms(), current.store()
    offered = await common_tags(store, user, _TAGS_OFFERED)
    ticked, tags_text = check_form.split_tags(values, offered)
    # A ticked tag that no check carries any more is still one that was chosen.
    offered += sorted(ticked - set(offered) - {""})
    channels: list[Channel] = []
    if check is None:
        channels = [channel for channel in await list_channels(store, user) if channel.own_check is None]
    told = set(values["channels"].split(",")) if "channels" in values else _defaults(channels)
    back = (await request.form).get("back", "") or request.args.get("back", "")
    return {
        "now": now,
        "values": values,
        "check": check,
        "errors": errors,
        "faults": check_form.faults(errors, values),
        "due": check_form.due_times(values, now, viewer_tz()),
        "builder": schedule_form.builder_of(values),
        "build": schedule_form,
        "units": list(schedule_form.UNITS),
        "remind_units": list(check_form.REMIND_UNITS),
        "offered_tags": offered,
        "ticked_tags": ticked,
        "tags_text": tags_text,
        "channels": channels,
        "told": told,
        "back": back if is_ours(back) else "",
        "badge": check and plain_codes(user, check, public_pings=await takes_pings(user)),
    }


def _defaults(channels: list[Channel]) -> set[str]:
    return {str(channel.id) for channel in channels if channel.default}


def _template(check: Check | None) -> str:
    return "checks/settings.html" if check else "checks/form_page.html"
