"""Nothing starts beside an archive that holds what Redis has lost."""

import pytest

from tests.archive.life import live
from tests.lua.parts import make_user
from tests.postgres import PostgresServer
from ttr.archive.database import Database
from ttr.archive.guard import refuse_lost_redis
from ttr.archive.snapshot import snapshot
from ttr.store.errors import StoreUnfit
from ttr.store.redis import Store, verify
from ttr.store.restoring import note_progress


async def test_a_new_installation_starts(store: Store, database_url: str) -> None:
    await refuse_lost_redis(store, database_url)
    await refuse_lost_redis(store, None)


async def test_a_redis_with_accounts_starts_whatever_postgres_is(store: Store) -> None:
    await make_user(store)
    await refuse_lost_redis(store, "postgresql://ttr@127.0.0.1:1/away")


async def test_an_empty_redis_beside_a_filled_archive_does_not(
    store: Store, database: Database, database_url: str
) -> None:
    await live(store)
    await snapshot(store, database)
    await store.redis.flushall()
    await verify(store)  # another process was faster
    with pytest.raises(StoreUnfit, match=r"snapshot of 2 accounts with 10 checks\. Run `ttr restore`"):
        await refuse_lost_redis(store, database_url)


async def test_a_postgres_that_can_not_be_asked_is_no_reason_not_to_start(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    await refuse_lost_redis(store, "postgresql://ttr@127.0.0.1:1/away")
    assert "Postgres, which may hold what was in it, is away" in caplog.text


async def test_a_half_done_restore_is_finished_first(store: Store) -> None:
    await note_progress(store, {"kind": "check", "done": 5})
    with pytest.raises(StoreUnfit, match="half done"):
        await refuse_lost_redis(store, None)


async def test_a_database_without_tables_is_a_new_installation(
    store: Store, postgres_server: PostgresServer
) -> None:
    name = postgres_server.create()
    try:
        await refuse_lost_redis(store, postgres_server.url(name))
    finally:
        postgres_server.drop(name)
