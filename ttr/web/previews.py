"""What a schedule would mean, before it is saved; and presets and the cron builder, which fill its fields in."""

from quart import Response, request

from ttr import current
from ttr.domain.cron_builder import BuildError
from ttr.now import now_ms
from ttr.store.checks import get_check
from ttr.store.users import User
from ttr.web import check_form, schedule_form
from ttr.web.appearance import viewer_tz
from ttr.web.check_settings import form_page
from ttr.web.reply import by_htmx, fragment
from ttr.web.security import require_user


async def show() -> Response:
    """The next six due times of the form's schedule; without htmx, on the whole form. Nothing is stored."""
    user = await require_user()
    values = check_form.of_request(await request.form)
    if by_htmx():
        typed = request.headers.get("HX-Source", "").endswith("#kinds")
        builder = schedule_form.following(values) if typed else None
        due = check_form.due_times(values, now_ms(), viewer_tz())
        return await fragment("checks/_typed.html", due=due, builder=builder, build=schedule_form)
    return await _whole(user, values)


async def fill() -> Response:
    """The fields as a preset or the cron builder fills them in, and what that comes to. Nothing is stored."""
    user = await require_user()
    form = await request.form
    values = check_form.of_request(form)
    fault = ""
    if name := form.get("preset", ""):
        values |= schedule_form.preset(name)
        # The builder shows what the field says now.
        values = {field: value for field, value in values.items() if not field.startswith("built")}
    else:
        try:
            values |= {"schedule_type": "cron", "cron": schedule_form.built(values)}
        except BuildError as error:
            fault = str(error)
    if not by_htmx():
        return await _whole(user, values, open_builder=not name, fault=fault)
    return await fragment(
        "checks/_filled.html",
        values=values,
        errors={},
        units=list(schedule_form.UNITS),
        build=schedule_form,
        fault=fault,
        builder=schedule_form.builder_of(values) if name else None,
        due=check_form.due_times(values, now_ms(), viewer_tz()),
    )


async def _whole(
    user: User, values: check_form.Values, *, open_builder: bool = False, fault: str = ""
) -> Response:
    number = (await request.form).get("check_id", "")
    check = await get_check(current.store(), user, number) if number.isascii() and number.isdigit() else None
    return await form_page(user, values, check, open_builder=open_builder, build_fault=fault)
