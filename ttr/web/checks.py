"""A check's pages: made, shown, edited, deleted."""

from quart import Response, request

from ttr import current
from ttr.domain.check import Check
from ttr.domain.invalid import Invalid
from ttr.domain.schedule import describe, preview, zone_names
from ttr.now import now_ms
from ttr.store.channels import read_channels
from ttr.store.checks import create_check, delete_check, get_check, update_check
from ttr.store.errors import QuotaReached, SlugTaken
from ttr.store.pings import read_pings
from ttr.store.users import User
from ttr.web import check_form
from ttr.web.commands import lines
from ttr.web.live import clock_is_silent, since, still_true
from ttr.web.reply import by_htmx, fragment, nothing_new, page, see, way_back
from ttr.web.security import require_user

_PINGS_SHOWN = 50


async def new() -> Response:
    """An empty form."""
    await require_user()
    return await form_page(check_form.blank())


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
    except (Invalid, SlugTaken, QuotaReached) as error:
        return await _refused(values, None, error)
    return see(f"/checks/{check.id}")


async def show(check_id: int) -> Response:
    """Everything about one check."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    view = await view_of(user, check)
    channels = await read_channels(current.store(), user, check.channels)
    return await page("checks/show.html", channels=channels, **view)


async def moved(check_id: int) -> Response:
    """To a check's page."""
    return see(f"/checks/{check_id}")


async def moved_to_new() -> Response:
    """To the empty form."""
    return see("/checks/new")


async def live(check_id: int) -> Response:
    """The part of a check's page that pings and time change; 204 when `since` still holds."""
    user = await require_user()
    now = now_ms()
    if still_true(request.args.get("since", ""), user.version, await clock_is_silent(now), now):
        return nothing_new()
    check = await get_check(current.store(), user, str(check_id))
    return await fragment("checks/_live.html", **await view_of(user, check))


async def edit(check_id: int) -> Response:
    """The form with a check's settings."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    return await form_page(check_form.of_settings(check.settings), check)


async def update(check_id: int) -> Response:
    """Replace a check's settings; its channels stay."""
    user = await require_user()
    now = now_ms()
    check = await get_check(current.store(), user, str(check_id))
    values = check_form.of_request(await request.form)
    try:
        await update_check(
            current.store(),
            user,
            str(check.id),
            lambda settings: check_form.parse(values, now=now, current=settings),
            now=now,
        )
    except (Invalid, SlugTaken) as error:
        return await _refused(values, check, error)
    return see(f"/checks/{check.id}")


async def confirm_delete(check_id: int) -> Response:
    """Asks once more, for browsers that can't ask by themselves."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    return await page("checks/delete.html", check=check)


async def delete(check_id: int) -> Response:
    """Delete a check that its owner has said yes to: on the page that asks, or in htmx's dialog."""
    user = await require_user()
    if not by_htmx() and (await request.form).get("sure") != "yes":
        return see(f"/checks/{check_id}/delete")
    check = await get_check(current.store(), user, str(check_id))
    await delete_check(current.store(), user, str(check.id))
    if by_htmx() and (await way_back("")).startswith("/dashboard"):
        return await fragment("ui/said.html", said=f"{check.name} is deleted.")
    return see("/dashboard")


async def form_page(values: check_form.Values, check: Check | None = None) -> Response:
    """The page of the form, for a new check or an existing one."""
    return await page("checks/form_page.html", **_form(values, check, {}))


async def view_of(user: User, check: Check) -> dict[str, object]:
    """What the live part of a check's page shows."""
    now = now_ms()
    silent = await clock_is_silent(now)
    url = f"{current.base_url()}/p/{user.user_slug}/{check.address}"
    return {
        "now": now,
        "check": check,
        "pings": await read_pings(current.store(), check, _PINGS_SHOWN),
        "url": url,
        "lines": lines(check, url),
        "schedule": describe(check.settings.schedule),
        "coming": []
        if check.settings.schedule.kind == "interval"
        else preview(check.settings.schedule, now, 3),
        "since": since(user.version, [check], silent, now),
        "silent": silent,
    }


async def _refused(
    values: check_form.Values, check: Check | None, error: Invalid | SlugTaken | QuotaReached
) -> Response:
    match error:
        case Invalid():
            errors = check_form.errors_by_field(error.errors)
        case SlugTaken():
            errors = {"slug": str(error)}
        case _:
            errors = {"": str(error)}
    context = _form(values, check, errors)
    if by_htmx():
        return await fragment("checks/_form.html", 422, **context)
    return await page("checks/form_page.html", 422, **context)


def _form(values: check_form.Values, check: Check | None, errors: dict[str, str]) -> dict[str, object]:
    return {
        "values": values,
        "check": check,
        "errors": errors,
        "due": check_form.due_times(values, now_ms()),
        "units": list(check_form.UNITS),
        "remind_units": list(check_form.REMIND_UNITS),
        "zones": sorted(zone_names()),
    }
