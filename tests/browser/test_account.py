"""The account's page in a browser: a look is chosen, a file goes out and comes in, with JavaScript and without."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.entry import enter

pytestmark = pytest.mark.browser

_CHECK = {"name": "Weekly report", "slug": "weekly", "schedule_type": "interval", "interval_seconds": 3600}
_CHECK |= {"grace_seconds": 60}


def _file(**more: object) -> bytes:
    return json.dumps({"version": 1, "checks": [_CHECK], **more}).encode()


async def _choose(page: Page, data: bytes) -> None:
    await page.locator("#file").set_input_files(
        files=[{"name": "account.json", "mimeType": "application/json", "buffer": data}]
    )
    await page.get_by_role("button", name="See what would change").click()


async def test_a_theme_is_seen_while_it_is_chosen_and_kept_when_saved(visit: Visit) -> None:
    page = visit.page
    await enter(visit)
    await page.goto("/dashboard")
    await page.get_by_role("link", name="Account", exact=True).click()
    html = page.locator("html")
    await page.get_by_role("radio", name="Terminal").check()
    await page.get_by_role("radio", name="Light", exact=True).check()
    await expect(html).to_have_attribute("data-theme", "terminal")
    await expect(html).to_have_attribute("data-scheme", "light")
    await page.reload()  # not saved, not kept
    await expect(html).to_have_attribute("data-theme", "cyberpunk")

    await page.get_by_role("radio", name="Terminal").check()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator("#notice")).to_contain_text("Saved")
    await expect(html).to_have_attribute("data-theme", "terminal")
    await page.goto("/dashboard")
    await expect(html).to_have_attribute("data-theme", "terminal")


async def test_a_file_goes_out_and_comes_in_after_a_look(visit: Visit) -> None:
    page = visit.page
    await enter(visit)
    await page.goto("/account")
    await expect(page.locator("#passphrase")).to_be_hidden()
    await _choose(page, _file())
    await expect(page.get_by_role("heading", name="What would change")).to_be_visible()
    await expect(page.locator(".notice")).to_contain_text("1 check would be made")
    await page.get_by_role("button", name="Import this").click()
    await expect(page.get_by_role("heading", name="Imported")).to_be_visible()
    await page.get_by_role("link", name="Weekly report").click()
    await expect(page.get_by_role("heading", name="Weekly report")).to_be_visible()

    await page.goto("/account")
    async with page.expect_download() as started:
        await page.get_by_role("button", name="Export").click()
    found = json.loads(Path(await (await started.value).path()).read_bytes())
    assert [check["slug"] for check in found["checks"]] == ["weekly"]


async def test_two_passphrases_that_differ_are_said_where_they_were_typed(visit: Visit) -> None:
    page = visit.page
    await enter(visit)
    await page.goto("/account")
    await page.get_by_label("With tokens and hook URLs").check()
    await page.locator("#passphrase").fill("correct horse battery")
    await page.locator("#passphrase_again").fill("correct horse batteries")
    await page.get_by_role("button", name="Export").click()
    await expect(page.locator("#passphrase-error")).to_be_in_viewport()


async def test_the_same_without_javascript(plain_visit: Visit) -> None:
    page = plain_visit.page
    await enter(plain_visit)
    await page.goto("/account")
    await page.get_by_role("radio", name="Solarized").check()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "solarized")
    await _choose(page, b"{")
    await expect(page.locator("#file-error")).to_be_in_viewport()
    await _choose(page, _file())
    await page.get_by_role("button", name="Import this").click()
    await expect(page.get_by_role("heading", name="Imported")).to_be_visible()


async def test_a_new_key_is_saved_as_a_file_and_logs_in(visit: Visit) -> None:
    page = visit.page
    await page.goto("/")
    await page.get_by_role("button", name="Get a key").click()
    key = await page.locator(".key .copy__text").inner_text()
    async with page.expect_download() as started:
        await page.get_by_role("link", name="Save as a text file").click()
    download = await started.value
    assert download.suggested_filename == "ttr-access-key.txt"
    assert key in Path(await download.path()).read_text().splitlines()
    await page.get_by_role("button", name="Let the browser keep it").click()
    await expect(page.get_by_role("heading", name="Nothing is watched yet")).to_be_visible()
    assert key not in page.url


async def test_a_slug_is_looked_up_while_it_is_typed_and_then_taken(visit: Visit) -> None:
    page = visit.page
    await enter(visit)
    await page.goto("/account/names")
    await page.locator("#user_slug").fill("ac")
    await expect(page.locator("#user_slug-state")).to_contain_text("3 to 100 characters")
    await page.locator("#user_slug").press_sequentially("me-jobs")
    await expect(page.locator("#user_slug-state")).to_contain_text("acme-jobs is free")
    await expect(page.locator("#user_slug-state")).to_contain_text("/p/acme-jobs/")
    await page.locator("#user_slug").press("Enter")
    await expect(page.locator("#notice")).to_contain_text("Saved")
    await expect(page.locator(".copy__text").first).to_contain_text("/p/acme-jobs/")
    await expect(page.locator(".former__one")).to_have_count(1)
    await page.get_by_role("link", name="End ").click()
    await page.get_by_role("button", name="End it").click()
    await expect(page.locator(".former__one")).to_have_count(0)


async def test_names_and_the_end_without_javascript(plain_visit: Visit) -> None:
    page = plain_visit.page
    await enter(plain_visit)
    await page.goto("/account/names")
    await page.locator("#user_slug").fill("x")
    await page.get_by_role("button", name="Save", exact=True).first.click()
    await expect(page.locator("#user_slug-error")).to_have_text("3 to 100 characters.")
    await page.locator("#user_slug").fill("acme-jobs")
    await page.get_by_role("button", name="Save", exact=True).first.click()
    await expect(page.locator(".former__one")).to_have_count(1)
    await page.get_by_role("link", name="Delete", exact=True).click()
    await page.get_by_label("Type DELETE to go on").fill("DELETE")
    await page.get_by_role("button", name="Delete the account").click()
    await expect(page.locator(".notice")).to_have_text("The account is deleted.")


async def _keys_and_logins(page: Page) -> None:
    """Make a key, bind it, replace the one in use, and revoke the other."""
    await page.goto("/account/keys")
    await page.get_by_label("Name").fill("Backup script")
    await page.get_by_label("Only read, over the API").check()
    await page.get_by_label("Only from these addresses").fill("10.0.0.1/8")
    await page.get_by_role("button", name="Make a key").click()
    await expect(page.locator("#addresses-error")).to_contain_text("write 10.0.0.0/8")
    await expect(page.get_by_label("Only read, over the API")).to_be_checked()
    await page.get_by_label("Only from these addresses").fill("10.0.0.0/8")
    await page.get_by_role("button", name="Make a key").click()
    key = await page.locator(".key .copy__text").inner_text()
    assert len(key) == 32
    await page.get_by_role("link", name="I have stored it").click()
    await expect(page.locator(".access-list__row")).to_have_count(2)
    await expect(page.locator(".access-list__row").last).to_contain_text("only reads")
    await page.get_by_role("link", name="Edit First key").click()
    await page.get_by_label("Only from these addresses").fill("203.0.113.0/24")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#addresses-error")).to_contain_text("would be locked out")
    await page.goto("/account/keys")
    await page.get_by_role("link", name="Replace First key").click()
    await page.get_by_role("button", name="Replace it").click()
    await expect(page.locator(".key .copy__text")).to_be_visible()
    await page.get_by_role("link", name="I have stored it").click()
    await page.get_by_role("link", name="Revoke Backup script").click()
    await page.get_by_role("button", name="Revoke it").click()
    await expect(page.locator(".access-list__row")).to_have_count(1)
    await page.get_by_role("link", name="Logins").click()
    await expect(page.locator(".access-list__row")).to_have_count(1)
    await page.get_by_role("button", name="Log out", exact=True).last.click()
    await expect(page.get_by_role("button", name="Get a key")).to_be_visible()


async def test_keys_are_made_bound_replaced_and_revoked(visit: Visit) -> None:
    await enter(visit)
    await _keys_and_logins(visit.page)


async def test_keys_and_logins_without_javascript(plain_visit: Visit) -> None:
    await enter(plain_visit)
    await _keys_and_logins(plain_visit.page)
