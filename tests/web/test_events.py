"""The stream of a page: what it says, to whom, and when it ends."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from quart import Quart

from tests.conftest import MASTER_KEY, eventually
from tests.lua.parts import make_channel, make_check
from tests.web.conftest import Visitor, text
from ttr import current
from ttr.now import now_ms
from ttr.store.checks import delete_check, pause_check
from ttr.store.redis import Store
from ttr.store.users import User, create_user
from ttr.web import events


class Ended(Exception):
    """The stream is over."""


class Stream:
    """An open stream, read event by event."""

    def __init__(self, connection: Any) -> None:
        self.connection, self._rest = connection, ""

    async def next(self) -> tuple[str, int]:
        """The name of the next event and its id, 0 without one."""
        async with asyncio.timeout(10):
            while "\n\n" not in self._rest:
                if not (received := await self.connection.receive()):
                    raise Ended
                self._rest += received.decode()
        event, _, self._rest = self._rest.partition("\n\n")
        fields = dict(re.findall(r"^(\w+): (.*)$", event, re.MULTILINE))
        assert fields["data"] == "1"
        return fields["event"], int(fields.get("id", 0))

    async def name(self) -> str:
        return (await self.next())[0]

    async def ended(self) -> bool:
        """Whether nothing but signs of life comes until the stream ends."""
        try:
            while await self.name() == "alive":
                pass
        except Ended:
            return True
        return False


@asynccontextmanager
async def stream(visitor: Visitor, query: str, **headers: str) -> AsyncIterator[Stream]:
    """A stream that has said it is alive."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with visitor.client.request(f"/events?{query}", headers=named) as connection:
        await connection.send_complete()
        opened = Stream(connection)
        assert await opened.name() == "alive"
        assert connection.status_code == 200
        yield opened
        await connection.disconnect()


async def version(store: Store, user: User) -> int:
    return int(await store.redis.hget(f"ttr:{{{user.partition}}}:user:{user.id}", "version") or 0)


async def test_it_says_which_shown_rows_changed(owner: Visitor, store: Store) -> None:
    assert owner.user
    shown, other = await make_check(store, owner.user), await make_check(store, owner.user)
    now = await version(store, owner.user)
    async with stream(owner, f"rows={shown.id},x,-1,&since={now}") as open_stream:
        assert open_stream.connection.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert open_stream.connection.headers["Cache-Control"] == "no-store"
        assert open_stream.connection.headers["X-Accel-Buffering"] == "no"
        assert "Set-Cookie" not in open_stream.connection.headers or "ttr_session" not in str(
            open_stream.connection.headers["Set-Cookie"]
        )
        await heard(owner, open_stream)
        await pause_check(store, owner.user, str(other.id), now=now_ms())
        await pause_check(store, owner.user, str(shown.id), now=now_ms())
        assert await open_stream.next() == (f"check-{shown.id}", now + 2)


async def heard(owner: Visitor, _: Stream) -> None:
    """Wait until the app's subscription holds."""
    changes = owner.client.app.extensions["ttr_changes"]
    assert owner.user
    partition = owner.user.partition

    async def holds() -> bool:
        return bool(changes._is_heard(partition))

    await eventually(holds)
    await asyncio.sleep(0)


async def test_lists_and_the_account_are_told_of_when_asked_for(owner: Visitor, store: Store) -> None:
    assert owner.user
    check = await make_check(store, owner.user)
    now = await version(store, owner.user)
    async with stream(owner, f"rows={check.id}&whole=1&account=1&since={now}") as open_stream:
        await heard(owner, open_stream)
        await pause_check(store, owner.user, str(check.id), now=now_ms())
        assert await open_stream.next() == ("checks", now + 1)
        await make_channel(store, owner.user)
        assert await open_stream.name() == "account"
        await delete_check(store, owner.user, str(check.id))
        assert {await open_stream.name(), await open_stream.name()} == {"checks", "account"}


async def test_who_shows_an_older_version_is_told_at_once(owner: Visitor, store: Store) -> None:
    assert owner.user
    check = await make_check(store, owner.user)
    now = await version(store, owner.user)
    async with stream(owner, f"rows={check.id}&account=1&since={now - 1}") as open_stream:
        assert await open_stream.next() == (f"check-{check.id}", now)
        assert await open_stream.next() == ("account", now)
    async with stream(
        owner, f"rows={check.id}&whole=1&since={now}", Last_Event_ID=str(now - 1)
    ) as open_stream:
        assert await open_stream.next() == ("checks", now)


async def test_other_accounts_changes_are_nobodys_business(owner: Visitor, store: Store) -> None:
    assert owner.user
    strangers = [(await create_user(store, now=now_ms(), master=MASTER_KEY))[0] for _ in range(16)]
    neighbour = next(user for user in strangers if user.partition == owner.user.partition)
    theirs = await make_check(store, neighbour)
    now = await version(store, owner.user)
    async with stream(owner, f"rows={theirs.id}&whole=1&account=1&since={now}") as open_stream:
        await heard(owner, open_stream)
        await pause_check(store, neighbour, str(theirs.id), now=now_ms())
        await make_channel(store, neighbour)
        await make_check(store, owner.user)
        assert await open_stream.next() == ("checks", now + 1)


async def test_many_changes_are_one_event_of_the_list(owner: Visitor, store: Store) -> None:
    assert owner.user
    checks = [await make_check(store, owner.user) for _ in range(30)]
    now = await version(store, owner.user)
    rows = ",".join(str(check.id) for check in checks)
    async with stream(owner, f"rows={rows}&whole=1&since={now}") as open_stream:
        await heard(owner, open_stream)
        changes = owner.client.app.extensions["ttr_changes"]
        for check in checks:
            changes._tell(owner.user.id, now + 1, check.id, "")
        assert await open_stream.name() == "checks"
        changes._tell(owner.user.id, now + 2, checks[0].id, "")
        assert await open_stream.name() == f"check-{checks[0].id}"


async def test_logging_out_ends_it(owner: Visitor) -> None:
    async with stream(owner, "whole=1") as open_stream:
        await heard(owner, open_stream)
        assert await open_stream.name() in ("checks", "alive")
        await owner.post("/logout")
        assert await open_stream.ended()
    assert (await owner.get("/events")).status_code == 401


async def test_it_ends_with_its_session_also_while_there_is_news_all_the_time(
    owner: Visitor, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends with an admin's login ends without a word to the account."""
    assert owner.user
    monkeypatch.setattr(events, "LOOK_SECONDS", 0.0)
    check = await make_check(store, owner.user)
    changes = owner.client.app.extensions["ttr_changes"]
    now = await version(store, owner.user)
    async with stream(owner, f"rows={check.id}&since={now}") as open_stream:
        await heard(owner, open_stream)
        changes._tell(owner.user.id, now + 1, check.id, "")
        assert await open_stream.name() == f"check-{check.id}"
        for name in await store.redis.keys("ttr:session:*"):
            await store.redis.delete(name)
        changes._tell(owner.user.id, now + 2, check.id, "")
        assert await open_stream.ended()


async def test_the_end_of_the_process_ends_it(owner: Visitor, app: Quart) -> None:
    async with stream(owner, "whole=1") as open_stream:
        current.end_streams(app)
        assert await open_stream.ended()
    assert (await owner.get("/events")).status_code == 503


async def test_it_shows_life_and_has_an_end(owner: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "ALIVE_SECONDS", 0.05)
    monkeypatch.setattr(events, "LIFE_SECONDS", 0.5)
    async with stream(owner, "rows=1&since=0") as open_stream:
        assert await open_stream.name() == "alive"
        assert await open_stream.ended()


async def test_there_is_a_limit_and_who_leaves_makes_room(
    owner: Visitor, app: Quart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "ACCOUNT_STREAMS", 1)
    async with stream(owner, "whole=1"):
        refused = await owner.get("/events?whole=1")
        assert refused.status_code == 429
        assert refused.headers["Retry-After"] == "30"

    async def left() -> bool:
        return bool(app.extensions["ttr_changes"].count() == 0)

    await eventually(left)
    async with stream(owner, "whole=1"):
        pass
    monkeypatch.setattr(events, "STREAMS", 0)
    assert (await owner.get("/events")).status_code == 503


async def test_without_a_session_there_is_none(visitor: Visitor) -> None:
    response = await visitor.get("/events?whole=1", htmx=True)
    assert response.status_code == 401
    assert "HX-Redirect" not in response.headers
    assert await text(response) == "Log in first."
