"""Who is told about one check: the account's channels that it uses, and channels made for it alone."""

from dataclasses import dataclass

from quart import Response, request

from ttr import current
from ttr.channels import KINDS, Kind
from ttr.confirmations import why_off
from ttr.domain.check import Check
from ttr.domain.invalid import Invalid
from ttr.integrations import change_own_channel, rate_of
from ttr.store.channels import Channel, assign, delete_channel, list_channels, read_channels
from ttr.store.checks import get_check
from ttr.store.errors import NotFound, QuotaReached
from ttr.store.users import User
from ttr.web import channel_form
from ttr.web.channels import signing_page
from ttr.web.live import digest
from ttr.web.reply import by_htmx, fragment, page, see
from ttr.web.security import require_user
from ttr.web.trials import Trial, trial_of


@dataclass(frozen=True, slots=True)
class Own:
    """One kind on a check's page: its form, and the channel behind it if there is one."""

    kind: Kind
    missing: str
    channel: Channel | None
    rate: dict[str, object]
    shown: str
    values: channel_form.Values
    errors: dict[str, str]
    tested: Trial | None = None
    said: str = ""


async def show(check_id: int) -> Response:
    """The page."""
    user = await require_user()
    check = await get_check(current.store(), user, str(check_id))
    return await _page(user, check)


async def update(check_id: int) -> Response:
    """Use the ticked channels and no other of those the page showed."""
    user = await require_user()
    store = current.store()
    check = await get_check(store, user, str(check_id))
    form = await request.form
    ticked, shown = set(form.getlist("channel")), set(form.getlist("shown"))
    try:
        # Those that go make room for those that come: a check has only so many.
        for channel in sorted(await _shared(user), key=lambda channel: str(channel.id) in ticked):
            wanted, used = str(channel.id) in ticked, channel.id in check.channels
            if str(channel.id) in shown and wanted != used:
                await assign(store, user, check.id, channel.id, wanted)
    except Invalid as error:
        return await _list(user, check.id, 422, fault=" ".join(e.message for e in error.errors))
    except QuotaReached as error:
        return await _list(user, check.id, 422, fault=str(error))
    return await _list(user, check.id, said="Saved.")


async def update_own(check_id: int, kind: str) -> Response:
    """Save the check's own channel of a kind, making it the first time; the button "Remove" deletes it."""
    user = await require_user()
    check, chosen = await get_check(current.store(), user, str(check_id)), _kind(kind)
    form = await request.form
    if form.get("action") == "remove":
        if chosen.name in check.own_channels:
            await delete_channel(current.store(), user, check.own_channels[chosen.name])
        return await _own_again(user, check.id, chosen, said="Removed.")
    given = channel_form.given(chosen, form)
    cleared = channel_form.clears(chosen, form)
    ticked = f"{chosen.name}_enabled" in form and not cleared
    channel = await _own_channel(user, check, chosen)
    if not (ticked and channel is not None and channel.off_reason == "unconfirmed"):
        # The box of one that waits is ticked: to save it as it is asks for nothing.
        given[f"{chosen.name}_enabled"] = ticked
    try:
        saved = await change_own_channel(
            current.store(), current.settings(), current.means(), user, check, chosen.name, given
        )
    except Invalid as error:
        errors = channel_form.errors_by_field(error.errors, channel_form.shown(chosen) - {"name"})
    except QuotaReached as error:
        errors = {"": str(error)}
    else:
        if saved.signing_secret is not None:
            onward = f"/checks/{check.id}/integrations"
            return await signing_page(saved.channel, saved.signing_secret, onward, new=True)
        said = "Saved. It is off, for it lacks a setting." if cleared else "Saved."
        if saved.channel.off_reason == "unconfirmed":
            said = f"Saved. {why_off(saved.channel)}."
        return await _own_again(user, check.id, chosen, said=said)
    values = channel_form.typed(chosen, form)
    return await _own_again(user, check.id, chosen, 422, errors=errors, values=values)


async def test_own(check_id: int, kind: str) -> Response:
    """Send a test for the check through its own channel of a kind."""
    user = await require_user()
    check, chosen = await get_check(current.store(), user, str(check_id)), _kind(kind)
    channel = await _own_channel(user, check, chosen)
    if channel is None:
        trial = Trial(None, fault="Save its settings first.")
    else:
        trial = await trial_of(user, channel, check)
    return await _own_again(user, check.id, chosen, tested=trial)


async def moved(check_id: int, kind: str) -> Response:
    """To the check's page of integrations."""
    return see(f"/checks/{check_id}/integrations#own-{kind}")


async def _page(
    user: User, check: Check, status: int = 200, *, fault: str = "", own: Own | None = None
) -> Response:
    owns = [
        own if own is not None and own.kind is kind else await _own(user, check, kind)
        for kind in KINDS.values()
    ]
    return await page(
        "integrations/check.html",
        status,
        check=check,
        channels=await _shared(user),
        fault=fault,
        owns=owns,
    )


async def _list(user: User, check_id: int, status: int = 200, *, fault: str = "", said: str = "") -> Response:
    """The list of the account's channels again, with what has become of it."""
    check = await get_check(current.store(), user, str(check_id))
    if by_htmx():
        context = {"check": check, "channels": await _shared(user), "fault": fault, "said": said}
        return await fragment("integrations/_used.html", status, **context)
    return await _page(user, check, status, fault=fault) if fault else see(f"/checks/{check_id}/integrations")


async def _own_again(
    user: User,
    check_id: int,
    kind: Kind,
    status: int = 200,
    *,
    said: str = "",
    errors: dict[str, str] | None = None,
    values: channel_form.Values | None = None,
    tested: Trial | None = None,
) -> Response:
    """One kind's form again, with what has become of it."""
    check = await get_check(current.store(), user, str(check_id))
    own = await _own(user, check, kind, said=said, errors=errors, values=values, tested=tested)
    if by_htmx():
        response = await fragment("integrations/_own.html", status, check=check, own=own, said=said)
        if said:
            # Replaced, not morphed: a morph keeps what was typed, and a saved secret leaves the screen.
            response.headers["HX-Reswap"] = "outerHTML"
        return response
    if said:
        return see(f"/checks/{check_id}/integrations#own-{kind.name}")
    return await _page(user, check, status, own=own)


async def _own(
    user: User,
    check: Check,
    kind: Kind,
    *,
    said: str = "",
    errors: dict[str, str] | None = None,
    values: channel_form.Values | None = None,
    tested: Trial | None = None,
) -> Own:
    channel = await _own_channel(user, check, kind)
    rate: dict[str, object] = {"enabled": False}
    wanted = channel is None or channel.enabled or channel.off_reason == "unconfirmed"
    saved = {f"{kind.name}_enabled": "on"} if wanted else {}
    if channel is not None:
        rate = await rate_of(current.store(), current.settings(), channel)
        saved |= channel.settings
    return Own(
        kind,
        kind.missing(current.settings()),
        channel,
        rate,
        digest(rate),
        saved if values is None else values,
        errors or {},
        tested,
        said,
    )


async def _own_channel(user: User, check: Check, kind: Kind) -> Channel | None:
    channel_id = check.own_channels.get(kind.name)
    if channel_id is None:
        return None
    return (await read_channels(current.store(), user, [channel_id])).get(channel_id)


async def _shared(user: User) -> list[Channel]:
    return [channel for channel in await list_channels(current.store(), user) if channel.own_check is None]


def _kind(name: str) -> Kind:
    if name not in KINDS:
        raise NotFound("no such kind of channel")
    return KINDS[name]
