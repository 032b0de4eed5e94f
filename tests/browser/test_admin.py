"""The pages of admins in a browser: what people have named is text there, every look is readable, and an operator gets
into an account and out again, with JavaScript and without."""

from collections.abc import Sequence
from typing import Any

import pytest
import redis
from playwright.async_api import Page, expect

from tests.admins import PASSWORD, make_admin
from tests.browser.conftest import Visit
from tests.browser.entry import add_checks
from tests.browser.looks import DESK, objections
from tests.conftest import MASTER_KEY, RedisServer
from tests.jobs.test_job_queue import fail
from tests.lua.parts import make_channel, make_check, ping
from ttr.domain.rate import rules
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store import deliveries, keys, outbox, rates
from ttr.store.access_keys import list_keys
from ttr.store.archive_state import note_archive
from ttr.store.redis import Store
from ttr.store.sessions import open_session
from ttr.store.users import User, create_user

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>'\">{{7*7}}"
PAGES = (
    "accounts",
    "checks",
    "checks?status=down",
    "checks?q=onerror",
    "keys",
    "queues",
    "deliveries",
    "system",
)


async def log_in(page: Page, store: Store) -> None:
    """To the admin pages."""
    await make_admin(store)
    await page.goto("/admin/login")
    await page.get_by_label("Name").fill("ops")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url("**/admin")


async def fill(store: Store, server: RedisServer) -> tuple[User, int]:
    """An account whose every text is hostile, with something to see on each page; and its check."""
    now = now_ms()
    user, _ = await create_user(store, now=now, master=MASTER_KEY)
    await open_session(store, user, now, address="192.0.2.1", agent=HOSTILE)
    await add_checks(store, user, "Quiet one", "Another one")
    channel = await make_channel(store, user, name=HOSTILE, destination="webhook-1f", address="a1")
    check = await make_check(
        store, user, name=HOSTILE, description=HOSTILE, tags=(HOSTILE[:40],), channels=(channel.id,), now=now
    )
    await ping(store, user, check.id, "fail", now=now, reason="fail", detail=HOSTILE, body=HOSTILE.encode())
    for entry in await outbox.read_outbox(store, user.partition, 10):
        await outbox.dispatch_entry(store, user.partition, entry, now, {"webhook": 5})
    (lane,) = await deliveries.hand_out(store, user.partition, now=now, most=1)
    claimed = await deliveries.claim(store, lane, now)
    assert claimed is not None
    said = claimed.notification
    for again_at in (now + 60_000, None):
        attempt = deliveries.Attempt(now, "failed", "rejected", 400, 12, HOSTILE, again_at)
        await deliveries.report(store, lane, said.id, said.channel_id, attempt)
    await rates.report_send(
        store,
        rules(Settings()),
        "webhook-1f",
        outcome="rate_limited",
        retry_after_ms=90_000,
        hold_ms=None,
        send_id="1",
        now=now,
    )
    for partition in range(keys.PARTITIONS):
        await store.redis.zadd(keys.gaps(partition), {f"{now - 90_000}:{now - 60_000}": now - 60_000})
    await note_archive(store, "refused", detail=HOSTILE, saved_at=now - 60_000, now=now)
    connection = redis.Redis.from_url(server.url)
    fail(connection, 2)
    connection.close()
    return user, check.id


async def look_through(page: Page, paths: Sequence[str], **how: Any) -> list[object]:
    """What is wrong with some admin pages; `how` is that of `objections`."""
    found: list[object] = []
    for path in paths:
        response = await page.goto(f"/admin/{path}")
        assert response is not None
        assert response.status == 200, path
        title = await page.title()
        assert title != "owned", path
        assert "49" not in title
        assert await page.locator("main img, main script").count() == 0, path
        found += await objections(page, path, **how)
    return found


async def test_hostile_text_is_text_and_every_look_is_readable(
    visit: Visit, store: Store, redis_server: RedisServer
) -> None:
    page = visit.page
    await log_in(page, store)
    user, check = await fill(store, redis_server)
    ((key, _),) = await list_keys(store, user)
    own = (f"accounts/{user.id}", f"accounts/{user.id}/delete", f"accounts/{user.id}/keys/{key.id}/end")
    assert (
        await look_through(
            page,
            (*PAGES, *own, f"checks/{user.id}/{check}", f"checks/{user.id}/{check}/delete"),
        )
        == []
    )
    await page.goto("/admin/checks?status=down")
    await expect(page.locator("main")).to_contain_text("<img src=x onerror=")


async def test_empty_pages_are_readable(visit: Visit, store: Store) -> None:
    await log_in(visit.page, store)
    assert await look_through(visit.page, PAGES, all_looks=False, widths=[DESK]) == []


async def test_a_row_is_paused_in_its_place(visit: Visit, store: Store, redis_server: RedisServer) -> None:
    page = visit.page
    await log_in(page, store)
    _, check = await fill(store, redis_server)
    await page.goto("/admin/checks")
    await page.evaluate("window.stays = true")
    row = page.locator(f"#check-{check}")
    await row.get_by_role("button", name="Pause").click()
    await expect(row).to_have_attribute("data-status", "paused")
    await row.get_by_role("button", name="Resume").click()
    await expect(row.get_by_role("button", name="Pause")).to_be_visible()
    assert await page.evaluate("window.stays")
    assert await page.title() != "owned"


async def there_and_back(page: Page, store: Store) -> None:
    """Into an account to one of its forms, and out again."""
    user, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    (check,) = await add_checks(store, user, "Backup")
    await page.goto(f"/admin/accounts/{user.id}")
    await page.get_by_role("button", name="Edit: Backup").click()
    await page.wait_for_url(f"**/checks/{check.id}/settings")
    strip = page.get_by_role("complementary", name="Operator")
    await expect(strip).to_contain_text(f"account {user.id} as operator ops")
    await page.get_by_label("Name", exact=True).fill("Backup of the night")
    await page.get_by_role("button", name="Save").first.click()
    await expect(page.locator("h1")).to_contain_text("Backup of the night")
    await page.goto("/dashboard")
    await expect(page.locator("#checks")).to_contain_text("Backup of the night")
    await page.get_by_role("button", name="Leave").click()
    await page.wait_for_url(f"**/admin/accounts/{user.id}")
    await page.goto("/dashboard")
    await expect(page.get_by_role("complementary", name="Operator")).to_have_count(0)
    assert page.url.endswith("/")


async def test_an_operator_gets_in_and_out(visit: Visit, store: Store) -> None:
    await log_in(visit.page, store)
    await there_and_back(visit.page, store)


async def test_and_so_without_javascript(plain_visit: Visit, store: Store) -> None:
    await log_in(plain_visit.page, store)
    await there_and_back(plain_visit.page, store)


async def test_a_page_that_is_open_in_an_account_stays_live(visit: Visit, store: Store) -> None:
    page = visit.page
    await log_in(page, store)
    user, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    (check,) = await add_checks(store, user, "Backup")
    await page.goto(f"/admin/accounts/{user.id}")
    async with page.expect_response(lambda response: "/events?" in response.url) as streamed:
        await page.get_by_role("button", name="Open as operator").click()
    assert (await streamed.value).status == 200
    await ping(store, user, check.id, "fail", now=now_ms(), reason="fail")
    await expect(page.locator(f"#check-{check.id}")).to_have_attribute("data-status", "down")


async def test_a_page_of_another_account_is_loaded_anew_when_it_asks_for_more(
    visit: Visit, store: Store
) -> None:
    """The operator's own tab: rows of the account that he has opened in the next one do not come in among his own."""
    own = visit.page
    await log_in(own, store)
    mine, auth_key = await create_user(store, now=now_ms(), master=MASTER_KEY)
    theirs, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    await add_checks(store, mine, "My own")
    await add_checks(store, theirs, "Of another")
    await own.goto("/")
    await own.get_by_label("Access key").fill(auth_key)
    await own.get_by_role("button", name="Log in", exact=True).click()
    await expect(own.locator("#checks")).to_contain_text("My own")
    other = await visit.context.new_page()
    await other.goto(f"/admin/accounts/{theirs.id}")
    await other.get_by_role("button", name="Open as operator").click()
    await expect(other.locator("#checks")).to_contain_text("Of another")
    await own.get_by_role("searchbox").fill("o")
    strip = own.get_by_role("complementary", name="Operator")
    await expect(strip).to_contain_text(f"account {theirs.id} as operator ops")
    await expect(own.locator("#checks")).not_to_contain_text("My own")
    await other.get_by_role("button", name="Leave").click()
    await other.wait_for_url(f"**/admin/accounts/{theirs.id}")
    await own.get_by_role("searchbox").fill("own")
    await expect(own.locator("#checks")).to_contain_text("My own")
    await expect(strip).to_have_count(0)
