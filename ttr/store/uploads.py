"""The account file that its owner looks at before it is imported: kept for a quarter of an hour, sealed, used once.

It may hold secrets, those of the original ttr.rip even in clear, so nothing of it lies in Redis unsealed; nor does the
passphrase that came with it.
"""

import asyncio
import json
import secrets
import zlib
from dataclasses import dataclass
from hmac import compare_digest

from ttr.domain.invalid import FieldError, Invalid
from ttr.store import keys
from ttr.store.redis import Store, store_trouble
from ttr.store.sealed import Unreadable, seal_bytes, unseal_bytes
from ttr.store.users import User, digest

KEPT_SECONDS = 900
SEALED_MAX = 4_000_000
"""Bytes of it in Redis. An export of 10,000 checks shrinks to some 600,000; one account keeps one file."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file, the passphrase that opens what is sealed in it and the ping slug that came beside it; "" for none."""

    data: bytes
    passphrase: str
    user_slug: str = ""


async def keep_upload(store: Store, user: User, session: str, upload: Upload, *, master: str) -> str:
    """Keep a file for the session that sent it, in place of the one before; its id. Raises Invalid if it is too
    large."""
    sealed = await asyncio.to_thread(_seal, master, user.data_key, upload)
    if len(sealed) > SEALED_MAX:
        raise Invalid(
            [FieldError("file", "This file is too large to look at first; import it over the API.")]
        )
    upload_id, key = secrets.token_urlsafe(24), keys.upload(user.id)
    with store_trouble():
        async with store.redis.pipeline(transaction=True) as pipe:
            pipe.hset(key, mapping={"id": upload_id, "session": digest(session), "sealed": sealed})
            pipe.expire(key, KEPT_SECONDS)
            await pipe.execute()
    return upload_id


async def take_upload(
    store: Store, user: User, session: str, upload_id: str, *, master: str
) -> Upload | None:
    """The file of this id, which is gone then; None when it is not there, another session's, or was used before."""
    key = keys.upload(user.id)
    with store_trouble():
        found_id, owner, sealed = await store.redis.hmget(key, "id", "session", "sealed")
        if found_id is None or not compare_digest(found_id, upload_id.encode("utf-8", "replace")):
            return None
        if owner.decode() != digest(session) or await store.redis.delete(key) == 0:
            return None
    try:
        return await asyncio.to_thread(_unseal, master, user.data_key, sealed)
    except Unreadable:  # the master key was replaced in between
        return None


def _seal(master: str, data_key: str, upload: Upload) -> bytes:
    head = json.dumps({"passphrase": upload.passphrase, "user_slug": upload.user_slug}).encode()
    return seal_bytes(master, data_key, zlib.compress(head + b"\n" + upload.data))


def _unseal(master: str, data_key: str, sealed: bytes) -> Upload:
    head, _, data = zlib.decompress(unseal_bytes(master, data_key, sealed)).partition(b"\n")
    words = json.loads(head)
    # One that was kept before the last deploy has no slug.
    return Upload(data, words["passphrase"], words.get("user_slug", ""))
