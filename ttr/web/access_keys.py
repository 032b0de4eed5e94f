"""The account's access keys: made, named and bound, replaced and revoked. A key is on the page that makes it, once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from quart import Response, request

from ttr import accounts, current
from ttr.domain.access_key import AccessKey, origin_of
from ttr.domain.access_key_input import KeyChanges, KeyInput, binding_faults, lines_of, lockout_faults
from ttr.domain.invalid import FieldError, Invalid, parse_object
from ttr.domain.limits import ACCESS_KEYS_MAX, BINDINGS_MAX, NAME_MAX
from ttr.now import now_ms
from ttr.store import access_keys, allowances
from ttr.store.access_keys import find_key, list_keys
from ttr.store.errors import Busy, LastKey, QuotaReached
from ttr.store.users import User
from ttr.web.channel_form import errors_by_field
from ttr.web.keys import key_file
from ttr.web.reply import page, see
from ttr.web.said import saying
from ttr.web.security import end_session, owner_only, require_user
from ttr.web.sessions import sign_in

PAGE = "/account/keys"
_FIELDS = {"name", "scope", "addresses", "origins"}


async def index() -> Response:
    """The keys, and the form for another one."""
    return await _index(await require_user())


async def create() -> Response:
    """Make a key and show it; 422 with the reasons beside the fields."""
    user = await require_user()
    owner_only(user)
    form = await request.form
    try:
        wanted = parse_object(KeyInput, {**_typed(form), "scope": form.get("scope", "full")})
        _judge(binding_faults(wanted, current.settings().enforced))
        await _spend(user)
        made, auth_key = await accounts.make_key(current.store(), user, wanted.draft(), now=now_ms())
    except Invalid as error:
        return await _index(user, 422, values=form, errors=errors_by_field(error.errors, _FIELDS))
    except QuotaReached as error:
        return await _index(user, 422, values=form, errors={"": str(error)})
    return await _shown_once(made, auth_key, 201)


async def show(key_id: str) -> Response:
    """One key, with what may be changed of it."""
    user = await require_user()
    return await _one(user, await find_key(current.store(), user, key_id))


async def update(key_id: str) -> Response:
    """Rename or bind a key; 422 when it would refuse the very browser that asks for it."""
    user = await require_user()
    owner_only(user)
    form, enforced = await request.form, current.settings().enforced
    key = await find_key(current.store(), user, key_id)
    try:
        changes = parse_object(KeyChanges, _typed(form))
        faults = binding_faults(changes, enforced)
        if is_own(user, key):
            origin = origin_of(request.headers.get("Origin", ""), request.headers.get("Referer", ""))
            faults += lockout_faults(key, changes, enforced, address=current.address(), origin=origin)
        _judge(faults)
        await _spend(user)
        await access_keys.change(current.store(), user, key_id, changes.applied)
    except Invalid as error:
        return await _one(user, key, 422, values=form, errors=errors_by_field(error.errors, _FIELDS))
    except Busy as error:
        return await _one(user, key, 422, values=form, errors={"": str(error)})
    return saying(see(PAGE), "Saved.")


async def confirm_replace(key_id: str) -> Response:
    """Asks before a key is replaced."""
    return await _asked("account/replace_key.html", await require_user(), key_id)


async def replace_one(key_id: str) -> Response:
    """Put a new key in a key's place and show it. The browser that asks stays logged in, with the new one."""
    user = await require_user()
    owner_only(user)
    key, now = await find_key(current.store(), user, key_id), now_ms()
    if (await request.form).get("sure") != "yes":
        return see(f"{PAGE}/{key.id}/replace")
    await _spend(user)
    auth_key = await accounts.replace_key(current.store(), user, key, now=now)
    made = access_keys.renewed(key, auth_key, now)
    if is_own(user, key):
        await sign_in(replace(user, key=made), now)
    return await _shown_once(made, auth_key, 200)


async def confirm_revoke(key_id: str) -> Response:
    """Asks before a key is revoked."""
    return await _asked("account/revoke_key.html", await require_user(), key_id)


async def revoke(key_id: str) -> Response:
    """End a key, and every login with it, perhaps this one; 422 for the last one that may do everything."""
    user = await require_user()
    owner_only(user)
    key = await find_key(current.store(), user, key_id)
    if (await request.form).get("sure") != "yes":
        return see(f"{PAGE}/{key.id}/revoke")
    await _spend(user)
    try:
        await accounts.revoke_key(current.store(), user.id, key, now=now_ms())
    except LastKey as error:
        return await _asked("account/revoke_key.html", user, key_id, 422, error=str(error))
    if is_own(user, key):
        end_session()
        return see("/")
    return saying(see(PAGE), f"{key.name} is revoked.")


def is_own(user: User, key: AccessKey) -> bool:
    """Whether this browser was logged in with the key."""
    return user.key is not None and user.key.digest == key.digest


async def _index(
    user: User,
    status: int = 200,
    *,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    return await page(
        "account/keys.html",
        status,
        listed=await list_keys(current.store(), user),
        values=values or {},
        errors=errors or {},
        most=ACCESS_KEYS_MAX,
        **_bounds(),
    )


async def _one(
    user: User,
    key: AccessKey,
    status: int = 200,
    *,
    values: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    kept = {"name": key.name, "addresses": "\n".join(key.addresses), "origins": "\n".join(key.origins)}
    return await page(
        "account/key.html",
        status,
        key=key,
        own=is_own(user, key),
        values=values or kept,
        errors=errors or {},
        **_bounds(),
    )


async def _asked(template: str, user: User, key_id: str, status: int = 200, *, error: str = "") -> Response:
    key = await find_key(current.store(), user, key_id)
    return await page(template, status, key=key, own=is_own(user, key), error=error)


async def _shown_once(key: AccessKey, auth_key: str, status: int) -> Response:
    return await page(
        "account/key_made.html", status, key=key, auth_key=auth_key, key_file=key_file(auth_key)
    )


def _bounds() -> dict[str, object]:
    return {"enforced": current.settings().enforced, "name_max": NAME_MAX, "bindings_max": BINDINGS_MAX}


def _typed(form: Mapping[str, str]) -> dict[str, object]:
    """A form's name and lists; a list that the form does not show stays as it is."""
    lists = {name: list(lines_of(form[name])) for name in ("addresses", "origins") if name in form}
    return {"name": form.get("name", ""), **lists}


def _judge(faults: Sequence[FieldError]) -> None:
    if faults:
        raise Invalid(faults)


async def _spend(user: User) -> None:
    await allowances.spend(current.store(), current.settings().limit("account"), user.id, now=now_ms())
