"""A check's pings: one made by hand, and the bodies that came with them."""

import secrets

from quart import Response

from ttr import current
from ttr.domain.allowance import Allowance
from ttr.domain.check import Check
from ttr.domain.flapping import flap_rules
from ttr.domain.flip import Flip
from ttr.domain.schedule import next_due
from ttr.history import read_around
from ttr.now import now_ms
from ttr.security_headers import DOWNLOADS, secure
from ttr.store.check_log import CheckLog, read_log
from ttr.store.checks import get_check
from ttr.store.errors import NotFound, StoreUnavailable, TooMany
from ttr.store.ping_log import PingEntry
from ttr.store.pings import ONLY_RECORDED, Kept, Plan, Recorded, Target, read_body, read_pings, record_ping
from ttr.store.users import User
from ttr.web.pauses import changed
from ttr.web.reply import fragment, page, see
from ttr.web.security import finish, require_user
from ttr.web.shown_text import SHOWN_MAX, shown_text

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


async def show(check_id: int, number: int) -> Response:
    """Everything about one ping; NotFound when it is not kept, ArchiveUnavailable when it can't be known."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    log, archive = await read_log(current.store(), check), current.archive()
    kept_from = log.pings[-1].number if log.pings else log.ping_count + 1
    if archive and number < kept_from:
        log = await read_around(archive, check, log, number)
    entry = next((entry for entry in log.pings if entry.number == number), None)
    if entry is None:
        raise NotFound("no such ping")
    # Only what came with a body is asked for one.
    found = await read_body(current.store(), check, number) if entry.size else None
    numbers = {entry.number for entry in log.pings}
    if archive:
        numbers |= {kept_from - 1, kept_from} & set(range(1, log.ping_count + 1))
    return await page(
        "pings/show.html",
        check=check,
        number=number,
        run=[one for one in reversed(log.pings) if entry.rid and one.rid == entry.rid],
        flips=flips_of(entry, log),
        older=number - 1 if number - 1 in numbers else None,
        newer=number + 1 if number + 1 in numbers else None,
        has_body=found is not None,
        place=current.geo().place_of(entry),
        **_shown(entry, found[1] if found else b""),
    )


async def moved(check_id: int, number: int) -> Response:
    """What came with a ping stands on the ping's page."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    return see(f"/checks/{check.id}/pings/{number}#body")


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
    return finish(secure(response, DOWNLOADS))


async def _body(check_id: int, number: int) -> dict[str, object]:
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    found = await read_body(current.store(), check, number)
    if found is None:
        raise NotFound("no such body")
    log = await read_pings(current.store(), check, _LOG_MAX)
    entry = next((entry for entry in log if entry.number == number), None)
    return {"check": check, "number": number, **_shown(entry, found[1])}


def flips_of(entry: PingEntry, log: CheckLog) -> list[Flip]:
    """The changes of status that this ping made, oldest first. They share its instant, and are told of it only where no
    other ping that could have made them does.
    """
    makers = [one.number for one in log.pings if one.at == entry.at and one.kind not in ONLY_RECORDED]
    if makers != [entry.number]:
        return []
    return [flip for flip in reversed(log.flips) if flip.at == entry.at and flip.reason != "overdue"]


def _shown(entry: PingEntry | None, kept: bytes) -> dict[str, object]:
    text, more = shown_text(kept)
    return {"entry": entry, "kept": len(kept), "text": text, "more": more, "shown_max": SHOWN_MAX}


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
            PingEntry(
                now,
                "success",
                "POST",
                address=current.address(),
                user_agent=_USER_AGENT,
                country=current.country(),
            ),
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
