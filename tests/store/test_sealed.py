"""Secrets at rest under one master key, under several, and on their way from one to the next."""

import asyncio
import base64

import pytest
from cryptography.fernet import Fernet, InvalidToken

from tests.conftest import MASTER_KEY
from ttr.masterkey import read_master_keys
from ttr.settings import Settings, SettingsError
from ttr.store import keys, rewrap
from ttr.store.errors import StoreUnfit
from ttr.store.redis import Store, verify_master_key
from ttr.store.rewrap import Rotated, rewrap_all
from ttr.store.sealed import Unreadable, new_data_key, rewrapped, seal, unseal
from ttr.store.users import User, create_user, user_by_id

NEW_KEY, OTHER_KEY = (Fernet.generate_key().decode() for _ in range(2))
BOTH = f"{NEW_KEY},{MASTER_KEY}"


def quiet(done: int, every: int) -> None:
    """No progress is printed."""


async def make_account(store: Store, master: str = MASTER_KEY) -> User:
    user, _ = await create_user(store, now=1, master=master)
    return user


async def data_key(store: Store, user: User) -> str:
    found = await user_by_id(store, user.id)
    assert found is not None
    return found.data_key


def test_the_first_key_wraps_and_every_key_unwraps() -> None:
    before = new_data_key(MASTER_KEY)
    sealed = seal(MASTER_KEY, before, "token")
    assert unseal(BOTH, before, sealed) == "token"
    after = new_data_key(BOTH)
    assert Fernet(NEW_KEY).decrypt(after)
    with pytest.raises(InvalidToken):
        Fernet(MASTER_KEY).decrypt(after)


def test_a_rewrapped_data_key_opens_what_it_sealed_before() -> None:
    before = new_data_key(MASTER_KEY)
    sealed = seal(MASTER_KEY, before, "token")
    after = rewrapped(BOTH, before)
    assert unseal(NEW_KEY, after, sealed) == "token"
    assert rewrapped(BOTH, after) == after
    with pytest.raises(Unreadable):
        rewrapped(OTHER_KEY, after)


def test_the_setting_may_hold_several_keys_and_blanks() -> None:
    assert Settings.model_validate({"encryption_key": f" {NEW_KEY} , {MASTER_KEY},, "}).master_key == BOTH
    assert read_master_keys(MASTER_KEY) == [MASTER_KEY]


def test_a_key_may_be_written_in_hexadecimal_as_platforms_generate_secrets() -> None:
    digits = base64.urlsafe_b64decode(MASTER_KEY).hex()
    assert read_master_keys(f"{digits},{digits.upper()}") == [MASTER_KEY, MASTER_KEY]
    sealed = seal(digits, data := new_data_key(digits), "token")
    assert unseal(MASTER_KEY, data, sealed) == "token"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hush-hush", "is not a Fernet key"),
        (f"{MASTER_KEY},hush-hush", "the second of its 2 keys"),
        (f"hush{MASTER_KEY},{NEW_KEY}", "the first of its 2 keys"),
        (f"{MASTER_KEY}{NEW_KEY}", "is not a Fernet key"),
        (f"{MASTER_KEY};{NEW_KEY}", "is not a Fernet key"),
        ("\u00fc" * 44, "is not a Fernet key"),
        (" , ", "holds no key"),
    ],
    ids=[
        "no key",
        "bad second",
        "bad first",
        "no comma",
        "semicolon",
        "not ASCII",
        "nothing",
    ],  # keys differ each run
)
def test_a_malformed_key_is_named_by_its_place_and_never_quoted(text: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=f"^ENCRYPTION_KEY .*{sentence}") as caught:
        _ = Settings.model_validate({"encryption_key": text}).master_key
    for part in ("hush", MASTER_KEY, NEW_KEY, "\u00fc"):
        assert part not in str(caught.value)
    assert caught.value.__suppress_context__


async def test_a_start_needs_any_one_of_the_right_keys(store: Store) -> None:
    await verify_master_key(store, MASTER_KEY)
    await verify_master_key(store, BOTH)
    await verify_master_key(store, f"{OTHER_KEY},{MASTER_KEY}")
    for wrong in (NEW_KEY, f"{NEW_KEY},{OTHER_KEY}"):
        with pytest.raises(StoreUnfit, match="ENCRYPTION_KEY is not the one"):
            await verify_master_key(store, wrong)


async def test_a_rotation_moves_every_account_and_the_old_key_can_go(store: Store) -> None:
    await verify_master_key(store, MASTER_KEY)
    users = [await make_account(store) for _ in range(70)]
    sealed = {user.id: seal(MASTER_KEY, user.data_key, f"token {user.id}") for user in users}
    told: list[tuple[int, int]] = []
    assert await rewrap_all(store, BOTH, progress=lambda *at: told.append(at)) == Rotated(70, 0, 0, ())
    assert told == [(32, 70), (64, 70), (70, 70)]
    for user in users:
        assert unseal(NEW_KEY, await data_key(store, user), sealed[user.id]) == f"token {user.id}"
    await verify_master_key(store, NEW_KEY)
    with pytest.raises(StoreUnfit):
        await verify_master_key(store, MASTER_KEY)


async def test_a_second_rotation_changes_nothing(store: Store) -> None:
    users = [await make_account(store) for _ in range(3)]
    await rewrap_all(store, BOTH, progress=quiet)
    before = [await data_key(store, user) for user in users]
    word = await store.redis.hget(keys.meta(), "sealed")
    assert await rewrap_all(store, BOTH, progress=quiet) == Rotated(0, 3, 0, ())
    assert [await data_key(store, user) for user in users] == before
    assert await store.redis.hget(keys.meta(), "sealed") == word


async def test_accounts_that_no_key_reads_are_counted_named_and_left_alone(store: Store) -> None:
    fine, lost = await make_account(store), await make_account(store, OTHER_KEY)
    broken = await make_account(store)
    await store.redis.hset(keys.user(broken.partition, broken.id), "data_key", b"\xff\x00")
    await store.redis.incr(keys.sequence("user"))  # a number whose account was never finished
    await verify_master_key(store, MASTER_KEY)
    assert await rewrap_all(store, BOTH, progress=quiet) == Rotated(1, 0, 2, (lost.id, broken.id))
    assert await data_key(store, lost) == lost.data_key
    assert rewrapped(NEW_KEY, await data_key(store, fine))
    every = f"{BOTH},{OTHER_KEY}"
    assert (await rewrap_all(store, every, progress=quiet)).unreadable_users == (broken.id,)
    assert rewrapped(NEW_KEY, await data_key(store, lost))


async def test_a_rotation_without_the_key_of_the_database_touches_nothing(store: Store) -> None:
    await verify_master_key(store, MASTER_KEY)
    user = await make_account(store)
    with pytest.raises(StoreUnfit):
        await rewrap_all(store, f"{NEW_KEY},{OTHER_KEY}", progress=quiet)
    assert await data_key(store, user) == user.data_key


async def test_a_data_key_that_changed_since_it_was_read_is_not_overwritten(store: Store) -> None:
    user = await make_account(store)
    assert await store.scripts.run("rewrap", user.partition, [user.id, "another", "x"]) == 0
    assert await data_key(store, user) == user.data_key
    assert await store.scripts.run("rewrap", user.partition, [user.id, user.data_key, "x"]) == 1
    assert await data_key(store, user) == "x"


async def test_two_rotations_at_once_and_accounts_made_meanwhile_agree(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrap, "_AT_A_TIME", 5)
    await verify_master_key(store, MASTER_KEY)
    users = [await make_account(store) for _ in range(30)]

    async def sign_up() -> list[User]:
        return [await make_account(store, master) for _ in range(10) for master in (MASTER_KEY, BOTH)]

    first, second, made = await asyncio.gather(
        rewrap_all(store, BOTH, progress=quiet), rewrap_all(store, BOTH, progress=quiet), sign_up()
    )
    third = await rewrap_all(store, BOTH, progress=quiet)
    assert first.unreadable + second.unreadable + third.unreadable == 0
    assert first.rewrapped + second.rewrapped + third.rewrapped == 40
    for user in users + made:
        assert rewrapped(NEW_KEY, await data_key(store, user))
