"""What a schedule would mean, before it is saved: its next due times, or what is wrong with it."""

from quart import Response, request

from ttr import current
from ttr.now import now_ms
from ttr.store.checks import get_check
from ttr.web import check_form
from ttr.web.checks import form_page
from ttr.web.reply import by_htmx, fragment
from ttr.web.security import require_user


async def show() -> Response:
    """The next six due times of the form's schedule; without htmx, on the whole form. Nothing is stored."""
    user = await require_user()
    form = await request.form
    values = check_form.of_request(form)
    if by_htmx():
        return await fragment("checks/_preview.html", due=check_form.due_times(values, now_ms()))
    number = form.get("check_id", "")
    check = await get_check(current.store(), user, number) if number.isascii() and number.isdigit() else None
    return await form_page(values, check)
