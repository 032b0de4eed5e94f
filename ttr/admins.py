"""Admins come in by a password, stay by tokens, and go: what the pages and the API both do."""

from dataclasses import dataclass, field, replace

from ttr import admin_tokens
from ttr.address import counted_as
from ttr.admin_tokens import BadToken, Claims
from ttr.domain.admin_input import is_admin_name
from ttr.domain.limits import ADMIN_PASSWORD_MAX
from ttr.passwords import Passwords
from ttr.settings import Settings
from ttr.store.admin_families import (
    end_family,
    family_lives,
    new_id,
    open_family,
    rotate_family,
)
from ttr.store.admin_log import note
from ttr.store.admins import AdminRecord, read_admin, swap_admin
from ttr.store.redis import Store
from ttr.store.users import digest


class WrongPassword(Exception):
    """No admin has this name and password; nobody learns which of the two is wrong."""

    def __init__(self) -> None:
        super().__init__("No admin has this name and password.")


@dataclass(frozen=True, slots=True)
class Admin:
    """Who asks, and out of which login."""

    username: str
    family: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login or a renewal gives."""

    admin: Admin
    access: str = field(repr=False)
    refresh: str = field(repr=False)


def counted_for_login(address: str, username: str) -> tuple[str, str]:
    """Against whom a login counts: the address, and the name, whether there is such an admin or not."""
    return counted_as(address), f"name:{digest(username)}"


async def log_in(
    store: Store,
    passwords: Passwords,
    settings: Settings,
    *,
    username: str,
    password: str,
    address: str,
    now: int,
) -> Tokens:
    """Open a family for the admin of this name and password.

    Raises WrongPassword and PasswordsBusy.
    """
    # Too long is no admin's, whatever the name: only then nothing is compared.
    known = await read_admin(store, username) if is_admin_name(username) else None
    fits = len(password) <= ADMIN_PASSWORD_MAX
    if not (fits and await passwords.is_right(password, known.password if known else None)) or known is None:
        # A name that is none may be a password in the wrong field.
        await note(
            store,
            at=now,
            admin=known.username if known else "",
            what="login refused",
            about=f"from {address}",
            kind="refused",
        )
        raise WrongPassword
    await _keep_up(store, passwords, known, password)
    family, token_id = await open_family(
        store, known, now=now, seconds=settings.admin_refresh_seconds, address=address
    )
    await note(store, at=now, admin=username, what="logged in", about=f"from {address}")
    return _tokens(settings, Claims(username, family, token_id), now)


async def admin_of(store: Store, settings: Settings, access: str) -> Admin | None:
    """The admin of an access token, if it and its family live; one round trip."""
    try:
        claims = admin_tokens.read(settings.signing_key, "access", access)
    except BadToken:
        return None
    lives = await family_lives(store, claims.username, claims.family)
    return Admin(claims.username, claims.family) if lives else None


async def renew(store: Store, settings: Settings, refresh: str, *, address: str, now: int) -> Tokens | None:
    """New tokens for a refresh token, which is worth nothing from here on; None for one that is none.

    One that was renewed before has been copied: its family ends.
    """
    claims = refresh_claims(settings, refresh)
    if claims is None or not await family_lives(store, claims.username, claims.family):
        return None
    rotation = await rotate_family(
        store, claims.family, claims.token_id, now=now, seconds=settings.admin_refresh_seconds
    )
    if rotation.verdict == "reused":
        await note(
            store,
            at=now,
            admin=claims.username,
            what="login ended: an old refresh token was used again",
            about=f"from {address}",
            kind="refused",
        )
    if rotation.verdict in ("reused", "gone"):
        return None
    return _tokens(settings, replace(claims, token_id=rotation.token_id), now)


async def log_out(store: Store, admin: Admin, *, address: str, now: int) -> None:
    """End the login, and with it all its tokens."""
    await end_family(store, admin.username, admin.family)
    await note(store, at=now, admin=admin.username, what="logged out", about=f"from {address}")


def refresh_claims(settings: Settings, refresh: str) -> Claims | None:
    """What a refresh token says, whether its family lives or not; None for one that is not ours."""
    try:
        return admin_tokens.read(settings.signing_key, "refresh", refresh)
    except BadToken:
        return None


def _tokens(settings: Settings, claims: Claims, now: int) -> Tokens:
    access = replace(claims, token_id=new_id())
    key = settings.signing_key
    return Tokens(
        Admin(claims.username, claims.family),
        admin_tokens.sign(key, "access", access, now=now, seconds=settings.admin_access_seconds),
        admin_tokens.sign(key, "refresh", claims, now=now, seconds=settings.admin_refresh_seconds),
    )


async def _keep_up(store: Store, passwords: Passwords, admin: AdminRecord, password: str) -> None:
    """Keep the password as this version keeps one. If the admin was changed meanwhile, that stands."""
    if newer := await passwords.newer(password, admin.password):
        await swap_admin(store, admin, replace(admin, password=newer))
