"""A check's pings: one made by hand, and the bodies that came with them."""

import secrets

from quart import Response

from ttr import current
from ttr.domain.allowance import Allowance
from ttr.domain.check import Check
from ttr.domain.flapping import flap_rules
from ttr.domain.schedule import next_due
from ttr.now import now_ms
from ttr.store.checks import get_check
from ttr.store.errors import NotFound, StoreUnavailable, TooMany
from ttr.store.ping_log import PingEntry
from ttr.store.pings import Kept, Plan, Recorded, Target, read_body, read_pings, record_ping
from ttr.store.users import User
from ttr.web.pauses import changed
from ttr.web.reply import fragment, page
from ttr.web.security import HEADERS, finish, require_user

_SHOWN_MAX = 20_000
_LOG_MAX = 1_000
_TURNS = 8
_USER_AGENT = "ttr dashboard"


async def create(check_id: int) -> Response:
    """Record a success by hand."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    await _record(user, check)
    check = await get_check(current.store(), user, str(check_id))
    return await changed(user, check, f"{check.name} is pinged.")


async def body(check_id: int, number: int) -> Response:
    """What came with a ping, as a page."""
    return await page("pings/body.html", **await _body(check_id, number))


async def body_fragment(check_id: int, number: int) -> Response:
    """What came with a ping, for the check's page."""
    return await fragment("pings/_body.html", **await _body(check_id, number))


async def download(check_id: int, number: int) -> Response:
    """The kept bytes, as a file that no browser opens by itself."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    found = await read_body(current.store(), check, number)
    if found is None:
        raise NotFound("no such body")
    response = Response(found[1], 200, content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="check-{check.id}-ping-{number}.bin"'
    response.headers["Content-Security-Policy"] = f"{HEADERS['Content-Security-Policy']}; sandbox"
    return finish(response)


async def _body(check_id: int, number: int) -> dict[str, object]:
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    found = await read_body(current.store(), check, number)
    if found is None:
        raise NotFound("no such body")
    kept = found[1]
    text = kept.decode("utf-8", "replace")
    log = await read_pings(current.store(), check, _LOG_MAX)
    entry = next((entry for entry in log if entry.number == number), None)
    return {
        "check": check,
        "number": number,
        "entry": entry,
        "kept": len(kept),
        # NUL and its like have no place in HTML; U+FFFD stands where they stood.
        "text": "".join(c if c >= " " or c in "\t\n\r" else "\ufffd" for c in text[:_SHOWN_MAX]),
        "more": len(text) > _SHOWN_MAX,
        "shown_max": _SHOWN_MAX,
    }


async def _record(user: User, check: Check) -> None:
    """One success. Content rules judge what jobs send; the owner's own word needs no content."""
    settings = current.settings()
    kept = Kept(settings.ping_log_entries, settings.body_bytes_per_check, settings.body_bytes_per_account)
    plan = Plan(check.id, check.revision, check.settings.schedule, None, False)
    request_id = secrets.token_hex(8)
    for _ in range(_TURNS):
        now = now_ms()
        answer = await record_ping(
            current.store(),
            Target(user.id, "", check.id, "", plan),
            PingEntry(now, "success", "POST", address=current.address(), user_agent=_USER_AGENT),
            request_id=request_id,
            due=next_due(plan.schedule, now),
            body=b"",
            kept=kept,
            flap=flap_rules(settings),
            limit=settings.limit("ping-check"),
        )
        match answer:
            case Recorded():
                return
            case None:
                raise NotFound("no such check")
            case Allowance():
                raise TooMany(answer)
            case Plan():
                plan = answer
    raise StoreUnavailable("this check is edited faster than it can be pinged")
