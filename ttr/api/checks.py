"""/api/v1/checks: list, create, show, replace, delete."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from pydantic import BaseModel, Field
from quart import Response, jsonify, request

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import body_bytes, one, render
from ttr.domain.check import CheckSettings
from ttr.domain.check_input import parse_check_json
from ttr.domain.invalid import FieldError, Invalid, parse_form
from ttr.now import now_ms
from ttr.store.checks import create_check, delete_check, get_check, list_checks, update_check


class ListQuery(BaseModel):
    """The query of the list: checks by number, newest first unless `sort_direction=asc`."""

    size: int = Field(25, ge=1, le=100)
    sort_by: str = "id"
    sort_direction: str = "desc"
    cursor: str = ""


async def index() -> Response:
    """A page of checks with cursors to the next and the previous one."""
    user = await caller()
    query = parse_form(ListQuery, request.args)
    if query.sort_by != "id":
        raise Invalid([FieldError("sort_by", "Checks are listed by id.")])
    if query.sort_direction not in ("asc", "desc"):
        raise Invalid([FieldError("sort_direction", "asc or desc is needed.")])
    ascending = query.sort_direction == "asc"
    backward, beyond = _cursor(query.cursor)
    # One more than asked for tells whether there is a page behind this one.
    page = await list_checks(
        current.store(), user, size=query.size + 1, beyond=beyond, ascending=ascending != backward
    )
    more = len(page.checks) > query.size
    shown = page.checks[: query.size]
    if backward:
        shown.reverse()
    has_next, has_previous = (bool(shown), more) if backward else (more, beyond is not None and bool(shown))
    answer = jsonify(
        {
            "items": await render(user, shown),
            "next_cursor": _cursor_text("n", shown[-1].id) if has_next else None,
            "prev_cursor": _cursor_text("p", shown[0].id) if has_previous else None,
            "size": query.size,
        }
    )
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


async def create() -> Response:
    """A new check; 201."""
    user = await caller()
    settings = parse_check_json(await body_bytes(), now=now_ms())
    check = await create_check(
        current.store(), user, settings, now=now_ms(), most=current.settings().checks_per_account
    )
    return await one(user, check, 201)


async def show(check: str) -> Response:
    """One check, by number, UUID or slug."""
    user = await caller()
    return await one(user, await get_check(current.store(), user, check))


async def replace(check: str) -> Response:
    """Replace a check's settings; what is omitted gets its default, but slug, tags and channels stay."""
    user = await caller()
    body = await body_bytes()

    def change(before: CheckSettings) -> CheckSettings:
        return parse_check_json(body, now=now_ms(), current=before)

    return await one(user, await update_check(current.store(), user, check, change, now=now_ms()))


async def delete(check: str) -> tuple[str, int]:
    """Remove a check; 204."""
    await delete_check(current.store(), await caller(), check)
    return "", 204


def _cursor_text(direction: str, check_id: int) -> str:
    return urlsafe_b64encode(f"{direction}{check_id}".encode()).decode().rstrip("=")


def _cursor(text: str) -> tuple[bool, int | None]:
    if not text:
        return False, None
    try:
        plain = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        if plain[:1] not in ("n", "p") or not plain[1:].isdigit() or len(plain) > 16:
            raise ValueError
        return plain[0] == "p", int(plain[1:])
    except ValueError:
        raise Invalid([FieldError("cursor", "This is no cursor that a list gave.")]) from None
