"""Somebody knows that a check is down: no more reminders of this failure. From its page, or from a message."""

from quart import Response

from ttr import current
from ttr.domain.check import Check
from ttr.domain.links import read_link
from ttr.now import now_ms
from ttr.store.checks import acknowledge_check, get_check
from ttr.store.errors import NotFound
from ttr.store.users import User, user_by_id
from ttr.web.pauses import changed
from ttr.web.reply import page
from ttr.web.security import require_user


async def create(check_id: int) -> Response:
    """Acknowledge whatever failure the check is in."""
    user = await require_user()
    done = await acknowledge_check(current.store(), user, str(check_id), now=now_ms())
    check = await get_check(current.store(), user, str(check_id))
    said = (
        f"No more reminders of {check.name} until it is up again."
        if done
        else "There was nothing to acknowledge."
    )
    return await changed(user, check, said)


async def ask(token: str) -> Response:
    """What a message's link leads to. It changes nothing: mail scanners open links by themselves."""
    _, check, down_since = await _linked(token)
    state = "done" if check.acknowledged else "ask"
    if check.status != "down" or check.status_since != down_since:
        state = "over"
    return await page("links/acknowledge.html", check=check, state=state, token=token)


async def follow(token: str) -> Response:
    """The button of that page; whoever has the link may press it, logged in or not."""
    user, check, down_since = await _linked(token)
    done = await acknowledge_check(current.store(), user, str(check.id), down_since=down_since, now=now_ms())
    return await page("links/acknowledge.html", check=check, state="done" if done else "over", token=token)


async def _linked(token: str) -> tuple[User, Check, int]:
    """The check a link speaks of, and when its failure began. Raises BadLink, NotFound."""
    user_id, check_id, down_since = read_link(current.settings().signing_key, "acknowledge", token, 3)
    user = await user_by_id(current.store(), user_id)
    if user is None:
        raise NotFound("this account is gone")
    return user, await get_check(current.store(), user, str(check_id)), down_since
