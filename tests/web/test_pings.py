"""Pings by hand, the log, and bodies that may hold anything."""

from tests.web.conftest import Visitor
from ttr.store.checks import get_check
from ttr.store.pings import read_pings
from ttr.store.redis import Store


async def test_a_ping_by_hand_is_a_success_that_says_where_it_came_from(owner: Visitor, store: Store) -> None:
    assert owner.user
    number = await owner.make_check()
    response = await owner.post(f"/checks/{number}/pings", back="/dashboard")
    assert (response.status_code, response.headers["Location"]) == (303, "/dashboard")
    check = await get_check(store, owner.user, str(number))
    entry = (await read_pings(store, check, 1))[0]
    assert (check.status, entry.kind, entry.user_agent) == ("up", "success", "ttr dashboard")
    assert check.due
    assert check.due - entry.at == 3_600_000


async def test_a_ping_by_hand_is_not_judged_by_rules_for_jobs(owner: Visitor, store: Store) -> None:
    assert owner.user
    number = await owner.make_check(expected_content="done", expected_content_type="present", post_only="on")
    await owner.post(f"/checks/{number}/pings")
    assert (await get_check(store, owner.user, str(number))).status == "up"


async def test_an_edit_just_before_does_not_lose_the_ping(owner: Visitor, store: Store) -> None:
    assert owner.user
    number = await owner.make_check()
    await owner.post(f"/checks/{number}/pings")
    await owner.post(
        f"/checks/{number}/settings",
        name="x",
        schedule_type="interval",
        interval="2",
        interval_unit="hours",
        grace="1",
    )
    await owner.post(f"/checks/{number}/pings")
    check = await get_check(store, owner.user, str(number))
    assert check.due
    assert check.last_ping
    assert check.due - check.last_ping == 7_200_000


async def test_the_log_tells_each_ping_in_words(owner: Visitor) -> None:
    assert owner.user
    number = await owner.make_check(slug="job")
    url = f"/p/{owner.user.user_slug}/job"
    agent = {"User-Agent": "<img src=x onerror=alert(1)>"}
    for path in (f"{url}/start", f"{url}/3", f"{url}/log", url):
        assert (await owner.client.post(path, headers=agent)).status_code == 200
    page = await owner.read(f"/checks/{number}")
    for words in ("start", "fail", "exit status 3", "log", "success"):
        assert words in page
    for path in (f"/checks/{number}", f"/checks/{number}/recent"):
        assert "<img" not in await owner.read(path)
    assert "&lt;img src=x onerror=alert(1)&gt;" in await owner.read(f"/checks/{number}/recent")


async def test_a_body_is_shown_as_text_and_downloaded_as_bytes(owner: Visitor) -> None:
    assert owner.user
    number = await owner.make_check(slug="job")
    body = b"</pre><script>alert(1)</script>\xff\x00\x1b[31m \xe2\x82\xac"
    await owner.client.post(f"/p/{owner.user.user_slug}/job", data=body)
    for path in ("", "/body/fragment"):
        page = await owner.read(f"/checks/{number}/pings/1{path}", htmx=bool(path))
        assert "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\ufffd\ufffd\ufffd[31m \u20ac" in page
        assert "<script>alert" not in page
        assert ("<html" in page) is not bool(path)
    response = await owner.get(f"/checks/{number}/pings/1/body/download")
    assert await response.get_data(as_text=False) == body
    assert response.content_type == "application/octet-stream"
    assert response.headers["Content-Disposition"] == f'attachment; filename="check-{number}-ping-1.bin"'
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]


async def test_a_long_body_is_cut_with_a_note(owner: Visitor) -> None:
    assert owner.user
    number = await owner.make_check(slug="job")
    await owner.client.post(f"/p/{owner.user.user_slug}/job", data=b"x" * 150_000)
    page = await owner.read(f"/checks/{number}/pings/1")
    assert "150.0 kB were sent; the first 100.0 kB are kept." in page
    assert "The first 20,000 characters" in page
    assert "x" * 20_000 in page
    assert "x" * 20_001 not in page


async def test_a_body_that_is_not_kept_is_a_404(owner: Visitor) -> None:
    number = await owner.make_check()
    for path in ("", "/body/fragment", "/body/download"):
        assert (await owner.get(f"/checks/{number}/pings/1{path}")).status_code == 404
        assert (await owner.get(f"/checks/{number}/pings/{'9' * 40}{path}")).status_code == 404


async def test_the_former_page_of_a_body_leads_to_its_ping(owner: Visitor) -> None:
    number = await owner.make_check()
    response = await owner.get(f"/checks/{number}/pings/1/body")
    assert (response.status_code, response.headers["Location"]) == (303, f"/checks/{number}/pings/1#body")
