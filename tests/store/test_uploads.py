"""A file that waits to be imported: sealed, for one session, once."""

import os

import pytest

from tests.conftest import MASTER_KEY
from tests.lua.parts import make_user
from ttr.domain.invalid import Invalid
from ttr.store import keys, uploads
from ttr.store.redis import Store
from ttr.store.uploads import Upload, keep_upload, take_upload

FILE = Upload(b'{"version": 1, "checks": [], "note": "t0p-s3cret"}\n\n', "correct horse")


async def test_a_file_is_given_back_once_to_the_session_that_sent_it(store: Store) -> None:
    user = await make_user(store)
    kept = await keep_upload(store, user, "mine", FILE, master=MASTER_KEY)
    assert await take_upload(store, user, "another", kept, master=MASTER_KEY) is None
    assert await take_upload(store, user, "mine", kept + "x", master=MASTER_KEY) is None
    assert await take_upload(store, user, "mine", kept, master=MASTER_KEY) == FILE
    assert await take_upload(store, user, "mine", kept, master=MASTER_KEY) is None


async def test_another_account_gets_nothing(store: Store) -> None:
    user, other = await make_user(store), await make_user(store)
    kept = await keep_upload(store, user, "mine", FILE, master=MASTER_KEY)
    assert await take_upload(store, other, "mine", kept, master=MASTER_KEY) is None


async def test_nothing_of_it_lies_in_redis_in_clear_and_it_goes_by_itself(store: Store) -> None:
    user = await make_user(store)
    await keep_upload(store, user, "mine", FILE, master=MASTER_KEY)
    raw = b"".join((await store.redis.hgetall(keys.upload(user.id))).values())
    assert b"s3cret" not in raw
    assert b"correct" not in raw
    assert 0 < await store.redis.ttl(keys.upload(user.id)) <= uploads.KEPT_SECONDS


async def test_a_second_file_takes_the_place_of_the_first(store: Store) -> None:
    user = await make_user(store)
    first = await keep_upload(store, user, "mine", FILE, master=MASTER_KEY)
    second = await keep_upload(store, user, "mine", Upload(b"[]", ""), master=MASTER_KEY)
    assert await take_upload(store, user, "mine", first, master=MASTER_KEY) is None
    assert await take_upload(store, user, "mine", second, master=MASTER_KEY) == Upload(b"[]", "")


@pytest.mark.parametrize(("size", "taken"), [(2_980_000, True), (3_020_000, False)])
async def test_what_does_not_shrink_below_the_limit_is_refused(store: Store, size: int, taken: bool) -> None:
    user = await make_user(store)
    upload = Upload(os.urandom(size), "")
    if taken:
        kept = await keep_upload(store, user, "mine", upload, master=MASTER_KEY)
        assert await take_upload(store, user, "mine", kept, master=MASTER_KEY) == upload
    else:
        with pytest.raises(Invalid, match="over the API"):
            await keep_upload(store, user, "mine", upload, master=MASTER_KEY)
        assert await store.redis.exists(keys.upload(user.id)) == 0
