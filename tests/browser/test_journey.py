"""The way of a new owner, with JavaScript and without."""

import re

import aiohttp
import pytest
from playwright.async_api import Dialog, Page, expect

from tests.browser.conftest import Visit
from ttr.web.words import relative

pytestmark = pytest.mark.browser


async def get_a_key(page: Page) -> str:
    """From the front page to an empty dashboard; the key on the way."""
    await page.goto("/")
    await page.get_by_role("button", name="Get a key").click()
    await expect(page.get_by_role("heading", name="Your key")).to_be_visible()
    key = await page.locator(".key .copy__text").inner_text()
    await page.get_by_role("link", name="I have stored it").click()
    await expect(page.get_by_role("heading", name="Nothing is watched yet")).to_be_visible()
    return key


async def ping(url: str, body: str = "") -> None:
    async with aiohttp.ClientSession() as session, session.post(url, data=body.encode()) as response:
        assert response.status == 200


async def test_from_a_key_to_a_watched_job_and_back(visit: Visit) -> None:
    page = visit.page
    key = await get_a_key(page)
    assert len(key) == 32

    # The schedule is previewed as it is typed, and its faults are said.
    await page.get_by_role("link", name="New check").click()
    await page.get_by_label("Name", exact=True).fill("Nightly backup")
    await page.get_by_label("Cron", exact=True).check()
    await expect(page.locator("#cron")).to_be_visible()
    await expect(page.locator("#interval")).to_be_hidden()
    await page.locator("#cron").press_sequentially("0 3 * *")
    await expect(page.locator(".preview__fault")).to_contain_text("five")
    await page.locator("#cron").press_sequentially(" *")
    await expect(page.locator(".preview__times li")).to_have_count(6)
    await page.locator("#slug").fill("nightly")
    await page.get_by_role("button", name="Create check").click()

    # Its URL is there to copy, and a ping turns up by itself.
    await expect(page.get_by_role("heading", name="Nightly backup")).to_be_visible()
    await visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy the ping URL").click()
    url = await page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(rf"{visit.base}/p/[a-z0-9]{{16}}/nightly", url)
    await page.evaluate("document.body.dataset.loaded = 'once'")
    await ping(url, "first line\n<b>second</b> line")
    await expect(page.locator("#ping-1")).to_contain_text("success")
    await expect(page.locator("#live")).to_have_attribute("data-status", "up")
    await ping(f"{url}/1")
    await expect(page.locator("#live")).to_have_attribute("data-status", "down")
    assert await page.evaluate("document.body.dataset.loaded") == "once"
    overview = page.url
    await page.locator("#to-ping-1").click()
    await expect(page.locator("pre.code--body")).to_have_text("first line\n<b>second</b> line")
    await page.goto(overview)

    # A channel of its own: the signing secret is shown once, and a saved URL leaves the screen.
    here = page.url
    await page.get_by_role("link", name="Choose who is told").click()
    own = page.locator("#own-webhook")
    await own.locator("summary").click()
    await own.locator("#webhook_url").fill("https://example.com/t0p-s3cret")
    await own.get_by_role("button", name="Save").click()
    await expect(page.locator(".key")).to_contain_text("whsec_")
    await page.get_by_role("link", name="I have stored it").click()
    await own.locator("#webhook_url").fill("https://example.com/0ther-s3cret")
    await own.get_by_role("button", name="Save").click()
    await expect(own.locator(".notice")).to_have_text("Saved.")
    await expect(own.locator("#webhook_url")).to_have_value("")
    await expect(page.locator("#own-webhook-save")).to_be_focused()
    await page.goto(here)

    # A bad edit is said beside its field, and what was typed stays.
    await page.get_by_role("link", name="Settings").first.click()
    await page.locator("#name").fill("Backup of the night")
    await page.locator("#grace").fill("soon")
    await page.locator("#grace").scroll_into_view_if_needed()
    await page.locator("#grace").press("Enter")  # which saves, and does not preview
    await expect(page.locator("#grace-error")).to_have_text("A whole number is needed.")
    await expect(page.locator("#faults")).to_contain_text("Grace: A whole number is needed.")
    await expect(page.locator("#grace")).to_be_focused()
    await expect(page.locator("#grace")).to_be_in_viewport()
    await expect(page.locator("#grace")).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("#grace")).to_have_value("soon")
    await expect(page.locator("#name")).to_have_value("Backup of the night")
    await page.locator("#grace").fill("2")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name="Backup of the night")).to_be_visible()

    # From the list: ping, pause, delete; the row stays where it is.
    await page.get_by_role("link", name="Checks").first.click()
    row = page.get_by_role("row", name=re.compile("Backup of the night"))
    await row.get_by_role("button", name=re.compile("^Ping")).click()
    await expect(row).to_have_attribute("data-status", "up")
    await expect(page.locator("#announcer")).to_have_text("Backup of the night is pinged.")
    await row.get_by_role("button", name=re.compile("^Pause")).click()
    await expect(row).to_have_attribute("data-status", "paused")
    await expect(row.get_by_role("button", name=re.compile("^Resume"))).to_be_focused()
    await ping(url)
    await expect(row).to_contain_text(re.compile("now|s ago"))

    asked: list[str] = []

    async def refuse(dialog: Dialog) -> None:
        asked.append(dialog.message)
        await dialog.dismiss()

    async def accept(dialog: Dialog) -> None:
        await dialog.accept()

    page.once("dialog", refuse)
    await row.get_by_label(re.compile("^More for")).click()
    await row.get_by_role("button", name="Delete").click()
    await expect(row).to_be_visible()
    assert asked == ["Delete Backup of the night? Its log and its history go with it."]
    page.once("dialog", accept)
    await row.get_by_label(re.compile("^More for")).click()
    await row.get_by_role("button", name="Delete").click()
    await expect(row).to_have_count(0)
    await expect(page.get_by_role("heading", name="Nothing is watched yet")).to_be_visible()

    await page.get_by_role("button", name="Log out").click()
    await page.get_by_label("Access key").fill(key)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", name="Checks")).to_be_visible()


async def test_the_same_without_javascript(plain_visit: Visit) -> None:
    page = plain_visit.page
    await get_a_key(page)
    await page.get_by_role("link", name="New check").click()
    await page.locator("#slug").fill("Bad Slug")
    await page.get_by_role("button", name="Create check").click()
    await expect(page.locator("#name-error")).to_have_text("This field is required.")
    await expect(page.locator("#slug-error")).to_be_visible()
    await expect(page.locator("#slug")).to_have_value("Bad Slug")
    await page.locator("#slug").press("Enter")
    await expect(page.locator("#name-error")).to_have_text("This field is required.")
    await page.locator("#name").fill("Plain")
    await page.locator("#slug").fill("plain")
    await page.locator("#kind-cron").check()
    await page.locator("#cron").fill("0 3 * * *")
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator(".preview__times li")).to_have_count(6)
    await expect(page.locator("#name")).to_have_value("Plain")
    await page.get_by_role("button", name="Create check").click()
    await expect(page.get_by_role("heading", name="Plain")).to_be_visible()
    await expect(page.get_by_role("button", name="Copy the ping URL")).to_be_hidden()
    url = await page.locator("#live .copy__text").first.inner_text()
    await ping(url, "hello")
    await page.reload()
    await page.locator("#to-ping-1").click()
    await expect(page.locator("pre.code--body")).to_have_text("hello")
    await page.goto("/dashboard")
    await page.get_by_role("button", name="Pause Plain").click()
    await expect(page.locator("tr[data-status=paused]")).to_be_visible()
    await page.get_by_role("button", name="Resume Plain").click()
    await expect(page.locator("tr[data-status=up]")).to_be_visible()
    await page.get_by_label("More for Plain").click()
    await page.get_by_role("button", name="Delete", exact=True).first.click()
    await page.get_by_role("button", name="Delete it").click()
    await expect(page.get_by_role("heading", name="Nothing is watched yet")).to_be_visible()


async def test_a_first_ping_makes_a_check_that_turns_up_by_itself(visit: Visit) -> None:
    page = visit.page
    await get_a_key(page)
    command = await page.locator("#checks .copy__text").inner_text()
    found = re.fullmatch(r"curl -fsS '([^']+)'", command)
    assert found
    async with aiohttp.ClientSession() as session, session.get(found[1]) as response:
        assert response.status == 201
    await expect(page.get_by_role("link", name="my-first-check", exact=True)).to_be_visible()


async def test_what_is_open_and_focused_survives_a_refresh(visit: Visit) -> None:
    page = visit.page
    await get_a_key(page)
    await page.goto("/checks/new")
    await page.locator("#name").fill("Job")
    await page.get_by_role("button", name="Create check").click()
    url = await page.locator("#live .copy__text").first.inner_text()
    await ping(url)
    await expect(page.locator("#ping-1")).to_be_visible()
    await ping(f"{url}/fail")
    await page.locator("#bad-days summary").click()
    await page.locator("#pause").focus()
    await ping(url)
    await expect(page.locator("#ping-3")).to_be_visible()
    await expect(page.locator("#bad-days li").first).to_be_visible()
    await expect(page.locator("#pause")).to_be_focused()


async def test_a_lost_connection_is_said_and_taken_back(lone_visit: Visit) -> None:
    page = lone_visit.page
    await get_a_key(page)
    # Its scripts are there once they have asked for the stream.
    async with page.expect_response("**/events*"):
        await page.goto("/dashboard")
    await lone_visit.context.set_offline(True)
    await expect(page.locator("#outage")).to_contain_text("No connection. What you see is from")
    await lone_visit.context.set_offline(False)
    await expect(page.locator("#outage")).to_be_empty()
    assert not any("Content Security Policy" in complaint for complaint in lone_visit.complaints)
    lone_visit.complaints.clear()  # Chromium and htmx both complain of the lost connection


async def test_times_tick_in_the_words_of_the_server(visit: Visit) -> None:
    page = visit.page
    await page.goto("/")
    now = int(await page.locator('meta[name="ttr-now"]').get_attribute("content") or 0)
    # Half a unit away from every change of words, so that a slow test says the same.
    offsets = [-150_000, 150_000, -5_430_000, 5_430_000, -90_000_000 - 1_800_000, 90_000_000 + 1_800_000]
    await page.evaluate(
        """offsets => {
          for (const offset of offsets) {
            const time = document.createElement("time");
            time.dataset.relative = "";
            time.dateTime = new Date(offset).toISOString();
            document.getElementById("notice").append(time);
          }
        }""",
        [now + offset for offset in offsets],
    )
    await expect(page.locator("#notice time")).to_have_text([relative(now + o, now) for o in offsets])


async def test_no_page_is_wider_than_its_window(visit: Visit) -> None:
    page = visit.page
    await get_a_key(page)
    await page.goto("/channels/new?kind=webhook")
    await page.locator("#name").fill("C" * 100)
    await page.locator("#webhook_url").fill("https://example.com/hook")
    await page.get_by_role("button", name="Add channel").click()
    await page.get_by_role("link", name="I have stored it").click()
    await expect(page.locator("#channel")).to_be_visible()
    channel = page.url
    await page.goto("/checks/new")
    await page.locator("#name").fill("W" * 100)
    await page.locator("#tags").fill("x" * 50)
    await page.get_by_role("button", name="Create check").click()
    await expect(page.locator("#live")).to_be_visible()
    here = page.url
    await ping(await page.locator("#live .copy__text").first.inner_text(), "y" * 3000)
    for address in (
        here,
        "/",
        "/dashboard",
        "/checks/new",
        f"{here}/settings",
        f"{here}/delete",
        f"{here}/log",
        f"{here}/pings/1",
        f"{here}/integrations",
        f"{here}/deliveries",
        "/deliveries",
        "/channels",
        "/channels/new",
        "/channels/new?kind=webhook",
        channel,
    ):
        await page.goto(address)
        for width in (1280, 768, 390, 320):
            await page.set_viewport_size({"width": width, "height": 800})
            found = await page.evaluate("document.documentElement.scrollWidth")
            assert found <= width, (address, width)


async def test_the_scheme_is_switched_by_the_server(visit: Visit) -> None:
    page = visit.page
    await page.goto("/")
    dark = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    await page.get_by_role("button", name="light").click()
    await expect(page.locator("html")).to_have_attribute("data-scheme", "light")
    light = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (dark, light) == ("rgb(10, 4, 60)", "rgb(240, 240, 240)")
