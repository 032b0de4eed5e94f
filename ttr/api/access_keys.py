"""/api/v1/user/keys: the account's access keys, each by itself. A key is shown once, when it is made."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from quart import Response
from typing_extensions import TypedDict

from ttr import accounts, current
from ttr.api.auth import caller, origin
from ttr.api.body import body_bytes, private
from ttr.api.describe import Moment, operation
from ttr.domain.access_key import AccessKey, Scope
from ttr.domain.access_key_input import KeyChanges, KeyInput, binding_faults, lockout_faults
from ttr.domain.invalid import Contradiction, FieldError, parse_json
from ttr.domain.moments import iso
from ttr.now import now_ms
from ttr.store import access_keys
from ttr.store.access_keys import Use, find_key, list_keys
from ttr.store.users import User


class KeyJson(TypedDict):
    """An access key, without the key."""

    id: Annotated[str, Field(examples=["0123456789abcdef"])]
    name: Annotated[str, Field(examples=["Backups of the night"])]
    last4: Annotated[
        str, Field(description="Its last four characters; empty if not known.", examples=["x7Qa"])
    ]
    created_at: Moment
    scope: Annotated[Scope, Field(description="`read`: only GET and HEAD, and no login.")]
    addresses: Annotated[list[str], Field(description="Networks it works from; empty: from anywhere.")]
    origins: Annotated[list[str], Field(description="Origins of pages that may use it; empty: any, or none.")]
    last_used: Annotated[Moment | None, Field(description="To the minute; null: never.")]
    last_used_from: Annotated[str | None, Field(description="The address.", examples=["203.0.113.9"])]
    current: Annotated[bool, Field(description="Whether this call came with it.")]


class MadeKeyJson(KeyJson):
    """An access key with the key itself, which is shown here and never again."""

    auth_key: Annotated[str, Field(description="What the X-Auth-Key header takes.")]


@operation("List access keys", tag="Account", answers={200: list[KeyJson]})
async def index() -> Response:
    """The account's access keys, oldest first."""
    return private(await keys_json(await caller()))


@operation("Make an access key", tag="Account", body=KeyInput, answers={201: MadeKeyJson}, refusals=(409,))
async def create() -> Response:
    """Another access key of the account; up to 20. 409 when there are as many, or when the operator has turned off what
    it would be bound to.
    """
    user = await caller("account")
    wanted = parse_json(KeyInput, await body_bytes())
    _judge(binding_faults(wanted, current.settings().enforced))
    made, auth_key = await accounts.make_key(current.store(), user, wanted.draft(), now=now_ms())
    return _shown_once(_key_json(made, None, user), auth_key, 201)


@operation("Change an access key", tag="Account", body=KeyChanges, answers={200: KeyJson}, refusals=(409,))
async def change(key: str) -> Response:
    """Give a key another name, or bind it to other addresses or origins. 409 when the key of this call would be bound
    so that it refuses this very call.
    """
    user = await caller("account")
    changes = parse_json(KeyChanges, await body_bytes())
    store, enforced = current.store(), current.settings().enforced
    found, faults = await find_key(store, user, key), binding_faults(changes, enforced)
    if user.key is not None and user.key.digest == found.digest:
        faults += lockout_faults(found, changes, enforced, address=current.address(), origin=origin())
    _judge(faults)
    await access_keys.change(store, user, key, changes.applied)
    return private(next(shown for shown in await keys_json(user) if shown["id"] == key))


@operation("Revoke an access key", tag="Account", answers={204: None}, refusals=(409,))
async def delete(key: str) -> Response:
    """End a key, and every login with it. 409 for the last one that is not only for reading: replace that."""
    user = await caller("account")
    found = await find_key(current.store(), user, key)
    await accounts.revoke_key(current.store(), user.id, found, now=now_ms())
    return Response(status=204, headers={"Cache-Control": "no-store"})


@operation("Replace one access key", tag="Account", answers={200: MadeKeyJson})
async def rotate(key: str) -> Response:
    """Get a new key in a key's place, with its name and bindings, under an id of its own. The old one and every login
    with it end.
    """
    user = await caller("account")
    found, now = await find_key(current.store(), user, key), now_ms()
    auth_key = await accounts.replace_key(current.store(), user, found, now=now)
    return _shown_once(_key_json(access_keys.renewed(found, auth_key, now), None, user), auth_key, 200)


async def keys_json(user: User) -> list[KeyJson]:
    """All of the account's keys."""
    return [_key_json(key, use, user) for key, use in await list_keys(current.store(), user)]


def _key_json(key: AccessKey, use: Use | None, user: User) -> KeyJson:
    return {
        "id": key.id,
        "name": key.name,
        "last4": key.last4,
        "created_at": iso(key.created_at),
        "scope": key.scope,
        "addresses": list(key.addresses),
        "origins": list(key.origins),
        "last_used": iso(use.at) if use else None,
        "last_used_from": (use.address or None) if use else None,
        "current": user.key is not None and key.digest == user.key.digest,
    }


def _shown_once(key: KeyJson, auth_key: str, status: int) -> Response:
    made: MadeKeyJson = {**key, "auth_key": auth_key}
    response = private(made, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _judge(faults: Sequence[FieldError]) -> None:
    if faults:
        raise Contradiction(faults)
