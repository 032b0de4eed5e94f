"""A new master key takes over while everything runs: no value at rest needs the old one, in Redis or in Postgres.

Sealed values are found by their form, wherever they are: a new kind of secret fails here until it is listed.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from quart import Quart

from tests.everywhere import key_names
from ttr.app import create_app
from ttr.archive.database import Database
from ttr.archive.snapshot import snapshot
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.signing_secrets import open_secrets
from ttr.store.channels import list_channels
from ttr.store.errors import StoreUnfit
from ttr.store.redis import Store, verify_master_key
from ttr.store.rewrap import rewrap_all
from ttr.store.uploads import Upload, keep_upload, take_upload
from ttr.store.users import User, create_user, user_by_id

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
BOTH = f"{NEW},{OLD}"
# Version 128 and a time of these decades, in base64: how every Fernet token begins.
_TOKEN = re.compile(rb"gAAAA[A-Za-z0-9_-]{90,}={0,2}")
_NUMBER = re.compile(r"\d+")
SEALED = {
    "ttr:meta sealed": "wrapped",
    "ttr:{#}:user:# data_key": "wrapped",
    "ttr:{#}:channel:# secret": "sealed",
    "ttr:upload:# sealed": "sealed",
}
"""Every place of a value that is wrapped by the master key, or sealed by a data key that it wraps."""
HOOK = "https://hooks.example.com/s3cret"
KINDS = (
    {"kind": "webhook", "name": "Hook", "webhook_url": HOOK},
    {"kind": "slack", "name": "Slack", "slack_webhook_url": "https://hooks.slack.com/services/T0/B0/s3cret"},
    {
        "kind": "discord",
        "name": "Discord",
        "discord_webhook_url": "https://discord.com/api/webhooks/1/s3cret",
    },
    {"kind": "telegram", "name": "Telegram", "telegram_chat_id": "1", "telegram_bot_token": "1234:s3cret"},
)


@pytest.fixture
async def running(store: Store, settings: Settings) -> AsyncIterator[Quart]:
    """The app as it runs before the change: it knows the old key alone."""
    await verify_master_key(store, OLD)
    app = create_app(settings.model_copy(update={"encryption_key": OLD}))
    async with app.test_app():
        yield app


def _restart(app: Quart, settings: Settings, master: str) -> None:
    """Have the app know these keys, as a restart does."""
    app.extensions["ttr_settings"] = settings.model_copy(update={"encryption_key": master})


async def _fill(app: Quart, store: Store, master: str) -> tuple[User, str, str]:
    """An account with a secret of every kind; its access key, and the id of a kept file."""
    user, key = await create_user(store, now=now_ms(), master=master)
    for body in KINDS:
        assert (await _post(app, key, "/channels", body)).status_code == 201
    check = {"name": "Job", "interval_seconds": 60, "grace_seconds": 60}
    assert (await _post(app, key, "/checks", check)).status_code == 201
    file = Upload(b'{"version": 1, "checks": []}', "correct horse battery")
    return user, key, await keep_upload(store, user, "session", file, master=master)


async def _post(app: Quart, key: str, path: str, body: object) -> Any:
    client: Any = app.test_client()
    headers = {"X-Auth-Key": key, "Content-Type": "application/json"}
    return await client.post(f"/api/v1{path}", headers=headers, data=json.dumps(body))


async def _found(store: Store) -> list[tuple[str, str]]:
    """Every token in Redis, in whatever key, and where it is."""
    found = []
    for key in await key_names(store):
        name = _NUMBER.sub("#", key.decode(errors="replace"))
        for field, value in await _values(store, key):
            where = f"{name} {field.decode(errors='replace')}".strip()
            found += [(where, token.decode()) for token in _TOKEN.findall(value)]
    return found


async def _values(store: Store, key: bytes) -> list[tuple[bytes, bytes]]:
    match (await store.redis.type(key)).decode():
        case "hash":
            return list((await store.redis.hgetall(key)).items())
        case "string":
            return [(b"", await store.redis.get(key))]
        case "list":
            return [(b"", one) for one in await store.redis.lrange(key, 0, -1)]
        case "set":
            return [(b"", one) for one in await store.redis.smembers(key)]
        case "zset":
            return [(b"", one) for one in await store.redis.zrange(key, 0, -1)]
        case "stream":
            fields = (fields for _, fields in await store.redis.xrange(key))
            return [pair for one in fields for pair in one.items()]
    raise AssertionError(key)


def _opens(key: str, token: str) -> bool:
    try:
        Fernet(key).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


async def test_every_kind_of_sealed_value_is_known_here(running: Quart, store: Store) -> None:
    await _fill(running, store, OLD)
    found = await _found(store)
    assert {where for where, _ in found} == set(SEALED), "list it, and have `ttr keys rotate` see to it"
    for where, token in found:
        assert _opens(OLD, token) is (SEALED[where] == "wrapped"), where


async def test_after_a_rotation_beside_running_processes_none_needs_the_old_key(
    running: Quart, store: Store, settings: Settings
) -> None:
    before = [await _fill(running, store, OLD) for _ in range(3)]
    _restart(running, settings, BOTH)
    rotating = asyncio.create_task(rewrap_all(store, BOTH, progress=lambda done, every: None))
    # Meanwhile accounts are made, secrets set, changed and read.
    meanwhile = [await _fill(running, store, BOTH) for _ in range(3)]
    for _, key, _ in (*before, *meanwhile):
        assert (await _post(running, key, "/channels/1/rotate-secret", {})).status_code in (200, 404)
        assert (await _post(running, key, "/channels", KINDS[0])).status_code == 201
    rotated = await rotating
    assert rotated.unreadable == 0
    found = await _found(store)
    assert {where for where, _ in found} == set(SEALED)
    for where, token in found:
        assert not _opens(OLD, token), where
        assert _opens(NEW, token) is (SEALED[where] == "wrapped"), where

    # With the new key alone everything is read, also what was sealed before; with the old one nothing is.
    await verify_master_key(store, NEW)
    with pytest.raises(StoreUnfit):
        await verify_master_key(store, OLD)
    _restart(running, settings, NEW)
    alone = settings.model_copy(update={"encryption_key": NEW})
    for user, key, upload_id in (*before, *meanwhile):
        now = await user_by_id(store, user.id)
        assert now
        secrets = [open_secrets(alone, now, channel) for channel in await list_channels(store, now)]
        assert len(secrets) == len(KINDS) + 1
        assert all("s3cret" in " ".join(found.values()) for found in secrets)
        file = await take_upload(store, now, "session", upload_id, master=NEW)
        assert file
        assert file.passphrase == "correct horse battery"
        answer = await _post(running, key, "/checks/export", {"passphrase": "correct horse battery"})
        assert answer.status_code == 200
        lost = open_secrets(
            settings.model_copy(update={"encryption_key": OLD}), now, (await list_channels(store, now))[0]
        )
        assert lost == {}


async def test_the_next_snapshot_takes_the_new_wrapping_into_postgres(
    running: Quart, store: Store, settings: Settings, database: Database
) -> None:
    for _ in range(3):
        await _fill(running, store, OLD)
    await snapshot(store, database)
    before = await _in_postgres(database)
    assert len([token for token in before if _opens(OLD, token)]) == 3 + 1  # the accounts', and the word
    await rewrap_all(store, BOTH, progress=lambda done, every: None)
    await snapshot(store, database)
    after = await _in_postgres(database)
    assert len(after) == len(before)
    assert not [token for token in after if _opens(OLD, token)]
    assert len([token for token in after if _opens(NEW, token)]) == 3 + 1


async def _in_postgres(database: Database) -> list[str]:
    """Every token in any table of the archive."""
    async with database.connection() as connection:
        tables = await (
            await connection.execute("select tablename from pg_tables where schemaname = current_schema()")
        ).fetchall()
        found: list[str] = []
        for (table,) in tables:
            rows = await (await connection.execute(f'select * from "{table}"'.encode())).fetchall()
            for row in rows:
                found += [token.decode() for value in row for token in _TOKEN.findall(_bytes(value))]
        return found


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return json.dumps(value, default=str).encode() if not isinstance(value, str) else value.encode()


def test_tokens_are_found_by_their_form() -> None:
    for length in (0, 1, 32, 5_000):
        token = Fernet(OLD).encrypt(b"x" * length)
        assert _TOKEN.findall(b'{"a": "' + token + b'"}') == [token]
