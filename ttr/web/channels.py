"""The account's channels: listed, made, changed, turned on and off, deleted."""

from collections.abc import Mapping

from quart import Response, request

from ttr import current
from ttr.channels import KINDS, Kind
from ttr.confirmations import Unconfirmed
from ttr.domain.check import Check
from ttr.domain.invalid import Invalid
from ttr.integrations import add_channel, change_channel, rate_of
from ttr.store.channels import Channel, assign_to_all, delete_channel, get_channel, list_channels
from ttr.store.checks import get_check
from ttr.store.deliveries import Delivery, read_deliveries
from ttr.store.errors import NotFound, QuotaReached
from ttr.store.users import User
from ttr.web import channel_form
from ttr.web.live import digest
from ttr.web.reply import by_htmx, fragment, page, see
from ttr.web.security import require_user

_LOOKED_AT = 100
"""Deliveries of the account among which a channel's own are looked for."""
_SHOWN = 10


async def index() -> Response:
    """All channels: those any check may use, and those made for one check."""
    user = await require_user()
    channels = await list_channels(current.store(), user)
    return await page(
        "integrations/channels.html",
        shared=[channel for channel in channels if channel.own_check is None],
        own=[channel for channel in channels if channel.own_check is not None],
    )


async def new() -> Response:
    """The kinds to choose from; with `?kind=`, the form of one."""
    await require_user()
    settings = current.settings()
    if "kind" not in request.args:
        missing = {name: kind.missing(settings) for name, kind in KINDS.items()}
        return await page("integrations/kinds.html", kinds=KINDS, missing=missing)
    return await page(
        "integrations/new.html", **_new_form(_kind(request.args["kind"]), {"default": "on"}, {})
    )


async def create() -> Response:
    """Make a channel; one that signs shows its signing secret on the answer, and never again."""
    user = await require_user()
    form = await request.form
    kind = _kind(form.get("kind", ""))
    given = {"kind": kind.name, "name": form.get("name", ""), "default": "default" in form}
    try:
        saved = await add_channel(
            current.store(),
            current.settings(),
            current.means(),
            user,
            {**given, **channel_form.given(kind, form)},
        )
    except Invalid as error:
        errors = channel_form.errors_by_field(error.errors, channel_form.shown(kind))
    except QuotaReached as error:
        errors = {"": str(error)}
    else:
        address = f"/channels/{saved.channel.id}"
        if saved.signing_secret is None:
            return see(address)
        return await signing_page(saved.channel, saved.signing_secret, address, new=True)
    context = _new_form(kind, channel_form.typed(kind, form), errors)
    if by_htmx():
        return await fragment("integrations/_new.html", 422, **context)
    return await page("integrations/new.html", 422, **context)


async def show(channel_id: int) -> Response:
    """Everything about one channel."""
    user = await require_user()
    return await page("integrations/channel.html", **await view_of(user, channel_id))


async def update(channel_id: int) -> Response:
    """Save the form; an empty secret keeps the saved one."""
    user = await require_user()
    channel = await get_channel(current.store(), user, channel_id)
    kind = _kind(channel.kind)
    form = await request.form
    given: dict[str, object] = channel_form.given(kind, form)
    if channel.own_check is None:
        given |= {"name": form.get("name", ""), "default": "default" in form}
    said = "Saved."
    if channel.enabled and channel_form.clears(kind, form):
        given["enabled"] = False
        said = "Saved. The channel is off now, for it lacks a setting."
    elif channel.enabled:
        # An emptied field is refused then; only the box of a secret turns a channel off.
        given["enabled"] = True
    return await _change(user, channel, given, said, values=channel_form.typed(kind, form))


async def turn_on(channel_id: int) -> Response:
    """Let a channel send."""
    user = await require_user()
    channel = await get_channel(current.store(), user, channel_id)
    return await _change(user, channel, {"enabled": True}, f"{channel.name} is on.")


async def turn_off(channel_id: int) -> Response:
    """Let a channel send nothing."""
    user = await require_user()
    channel = await get_channel(current.store(), user, channel_id)
    return await _change(user, channel, {"enabled": False}, f"{channel.name} is off.")


async def share(channel_id: int) -> Response:
    """Use a channel for every check the account has."""
    user = await require_user()
    count = await assign_to_all(current.store(), user, channel_id)
    return await changed(user, channel_id, said=f"Added to {count:,} check{'' if count == 1 else 's'}.")


async def confirm_delete(channel_id: int) -> Response:
    """Says what would change, and asks."""
    user = await require_user()
    channel = await get_channel(current.store(), user, channel_id)
    return await page("integrations/delete.html", channel=channel)


async def delete(channel_id: int) -> Response:
    """Delete a channel that its owner has said yes to."""
    user = await require_user()
    if not by_htmx() and (await request.form).get("sure") != "yes":
        return see(f"/channels/{channel_id}/delete")
    await delete_channel(current.store(), user, channel_id)
    return see("/channels")


async def moved(channel_id: int) -> Response:
    """To a channel's page."""
    return see(f"/channels/{channel_id}")


async def changed(user: User, channel_id: int, status: int = 200, **extra: object) -> Response:
    """A change made on a channel's page: that part of the page, or back there.

    What only this answer knows (`errors`, `tested`) needs a page even without htmx.
    """
    if by_htmx():
        return await fragment("integrations/_channel.html", status, **await view_of(user, channel_id) | extra)
    if extra.keys() <= {"said"}:
        return see(f"/channels/{channel_id}")
    return await page("integrations/channel.html", status, **await view_of(user, channel_id) | extra)


async def view_of(user: User, channel_id: int) -> dict[str, object]:
    """What a channel's page shows."""
    channel = await get_channel(current.store(), user, channel_id)
    kind = KINDS.get(channel.kind)
    rate = await rate_of(current.store(), current.settings(), channel)
    return {
        "channel": channel,
        "kind": kind,
        "missing": kind.missing(current.settings()) if kind else "",
        "check": await own_check(user, channel),
        "rate": rate,
        "shown": digest(rate),
        "deliveries": await _deliveries(user, channel),
        "values": {"name": channel.name, "default": "on" if channel.default else "", **channel.settings},
        "errors": {},
        "tested": None,
    }


async def own_check(user: User, channel: Channel) -> Check | None:
    """The check a channel was made for, if it was made for one."""
    if channel.own_check is None:
        return None
    return await get_check(current.store(), user, str(channel.own_check))


async def signing_page(channel: Channel, secret: str, onward: str, *, new: bool) -> Response:
    """A signing secret, shown this once."""
    context = {"channel": channel, "secret": secret, "onward": onward, "new": new}
    if not by_htmx():
        return await page("integrations/signing.html", 201, **context)
    response = await fragment("integrations/_signing.html", 201, **context)
    # It takes the whole page, so that it is not lost among other things.
    response.headers["HX-Retarget"] = "#page"
    response.headers["HX-Reswap"] = "innerHTML show:top"
    return response


async def _change(
    user: User,
    channel: Channel,
    given: Mapping[str, object],
    said: str,
    *,
    values: channel_form.Values | None = None,
) -> Response:
    kind = _kind(channel.kind)
    try:
        saved = await change_channel(
            current.store(), current.settings(), current.means(), user, channel, given
        )
    except Unconfirmed as waiting:
        if waiting.answer.delivered:
            # No mistake: the page says what the channel waits for, and that its reader has been asked.
            return await changed(user, channel.id, said="The mail was sent again.")
        return await changed(user, channel.id, 422, errors={"": waiting.errors[0].message})
    except Invalid as error:
        errors = channel_form.errors_by_field(error.errors, channel_form.shown(kind))
        extra: dict[str, object] = {"errors": errors}
        if values is not None:
            extra["values"] = values
        return await changed(user, channel.id, 422, **extra)
    if saved.signing_secret is not None:
        return await signing_page(saved.channel, saved.signing_secret, f"/channels/{channel.id}", new=True)
    if saved.channel.off_reason == "unconfirmed" and channel.off_reason != "unconfirmed":
        said = "Saved. The channel is off until its new address has agreed."
    response = await changed(user, channel.id, said=said)
    if by_htmx():
        # Replaced, not morphed: a morph keeps what was typed, and a saved secret leaves the screen.
        response.headers["HX-Reswap"] = "outerHTML"
    return response


async def _deliveries(user: User, channel: Channel) -> list[Delivery]:
    found, _ = await read_deliveries(current.store(), user, size=_LOOKED_AT)
    return [delivery for delivery in found if channel.id in delivery.channels][:_SHOWN]


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise NotFound("no such kind of channel")
    return KINDS[name]


def _new_form(kind: Kind, values: channel_form.Values, errors: dict[str, str]) -> dict[str, object]:
    return {
        "kind": kind,
        "missing": kind.missing(current.settings()),
        "values": {"name": kind.label, **values},
        "errors": errors,
    }
