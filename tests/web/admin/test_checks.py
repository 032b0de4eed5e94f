"""The checks of all accounts on the admin pages."""

import re

from quart import Quart

from tests.conftest import MASTER_KEY
from tests.lua.parts import make_check
from tests.store.crowd import make_crowd, uuid_of
from tests.web.conftest import Visitor, text
from ttr.now import now_ms
from ttr.store.admin_log import read_log
from ttr.store.checks import get_check
from ttr.store.redis import Store
from ttr.store.users import create_user
from ttr.web.admin.checks_query import ChecksQuery, read_query

HOSTILE = "<img src=x onerror=alert(1)>\"'"


async def shown(operator: Visitor, path: str) -> list[int]:
    """Numbers of the checks on a page."""
    return [int(number) for number in re.findall(r'<tr id="check-(\d+)"', await operator.read(path))]


def onward(page: str) -> str:
    """Where a page goes on."""
    found = re.search(r'href="(/admin/checks\?[^"]+)" rel="next"', page)
    assert found
    return found[1].replace("&amp;", "&")


async def test_without_checks_the_page_says_so(operator: Visitor) -> None:
    assert "There is no check yet" in await operator.read("/admin/checks")
    assert "No check is like that" in await operator.read("/admin/checks?status=down")


async def test_the_checks_of_everybody_come_newest_first_a_page_at_a_time(
    operator: Visitor, store: Store
) -> None:
    await make_crowd(store, 30)
    page = await operator.read("/admin/checks")
    assert "Looked through 25 check numbers" in page
    assert await shown(operator, "/admin/checks") == list(range(30, 5, -1))
    assert await shown(operator, onward(page)) == [5, 4, 3, 2, 1]
    assert 'rel="next"' not in await operator.read(onward(page))
    assert 'href="/admin/accounts/30"' in page


async def test_a_status_and_words_narrow_the_list(operator: Visitor, owner: Visitor, store: Store) -> None:
    assert owner.user
    one = await owner.make_check(name="Nightly backup", slug="nb")
    two = await owner.make_check(name="mail")
    await owner.post(f"/checks/{two}/pause")
    assert await shown(operator, "/admin/checks?status=paused") == [two]
    assert await shown(operator, "/admin/checks?status=new") == [one]
    assert await shown(operator, "/admin/checks?q=BACK") == [one]
    assert await shown(operator, "/admin/checks?q=nb") == [one]
    assert await shown(operator, "/admin/checks?q=mail&status=new") == []
    assert await shown(operator, "/admin/checks?status=nonsense&onward=nonsense") == [two, one]


async def test_a_request_that_finds_nothing_says_how_far_it_looked(operator: Visitor, store: Store) -> None:
    await make_crowd(store, 300)
    page = await operator.read("/admin/checks?q=nothing")
    assert "Looked through 200 accounts, found nothing there" in page
    assert "No further check is like that" in await operator.read(onward(page))


async def test_a_uuid_or_a_ping_url_leads_to_its_check_and_words_to_a_list(
    operator: Visitor, store: Store
) -> None:
    await make_crowd(store, 3)
    for word in (uuid_of(2), f"http://x/ping/{uuid_of(2)}", "http://x/p/u2/job-2"):
        response = await operator.post("/admin/checks/find", q=word)
        assert response.headers["Location"] == "/admin/checks/2/2", word
    assert await shown(operator, "/admin/checks/2/2") == [2]
    response = await operator.post("/admin/checks/find", q=" a  b&c ", status="down")
    assert response.headers["Location"] == "/admin/checks?q=a++b%26c&status=down"
    assert (await operator.post("/admin/checks/find", status="x")).headers["Location"] == "/admin/checks"


async def test_a_row_pauses_and_resumes_at_once(operator: Visitor, owner: Visitor, store: Store) -> None:
    user = owner.user
    assert user
    check = await owner.make_check(name=HOSTILE)
    base = f"/admin/checks/{user.id}/{check}"
    response = await operator.post(f"{base}/pause", back="/admin/checks?status=down", htmx=True)
    row = await text(response)
    assert response.status_code == 200
    assert f'id="check-{check}"' in row
    assert f'action="{base}/resume"' in row
    assert "<img" not in row
    assert (await get_check(store, user, str(check))).paused
    response = await operator.post(f"{base}/resume", back="/admin/checks?status=down")
    assert (response.status_code, response.headers["Location"]) == (303, "/admin/checks?status=down")
    assert not (await get_check(store, user, str(check))).paused
    response = await operator.post(f"{base}/pause", back="https://evil.example/")
    assert response.headers["Location"] == "/admin/checks"
    deeds = [(deed.what, deed.about) for deed in await read_log(store) if "check" in deed.what]
    about = f"account {user.id}, check {check}"
    assert deeds == [("paused a check", about), ("resumed a check", about), ("paused a check", about)]


async def test_deleting_asks_first(operator: Visitor, owner: Visitor, store: Store) -> None:
    user = owner.user
    assert user
    check = await owner.make_check(name=HOSTILE)
    address = f"/admin/checks/{user.id}/{check}/delete"
    response = await operator.post(address)
    assert (response.status_code, response.headers["Location"]) == (303, address)
    assert "<img" not in await operator.read(address)
    response = await operator.post(address, sure="yes")
    assert (response.status_code, response.headers["Location"]) == (303, "/admin/checks")
    assert (await owner.get(f"/checks/{check}")).status_code == 404
    assert (await read_log(store))[0].what == "deleted a check"


async def test_hostile_names_are_text(app: Quart, operator: Visitor, store: Store) -> None:
    user, _ = await create_user(store, now=now_ms(), master=MASTER_KEY)
    await make_check(store, user, name=HOSTILE, now=now_ms())
    for path in ("/admin/checks", f"/admin/accounts/{user.id}", "/admin/checks?q=onerror"):
        page = await operator.read(path)
        assert "&lt;img src=x" in page
        assert "<img src=x" not in page
    page = await operator.read('/admin/checks?q="><script>alert(1)</script>&status="><b>&onward="><i>')
    assert "<script>alert" not in page
    assert "<b>" not in page


def test_an_address_is_read_leniently_and_written_plainly() -> None:
    query = read_query({"q": "  a   b ", "status": "late", "onward": "1.2"})
    assert (query.text, query.words, query.status, query.onward) == ("a b", ("a", "b"), "late", "1.2")
    assert query.path == "/admin/checks?q=a+b&status=late&onward=1.2"
    assert query.begun.path == "/admin/checks?q=a+b&status=late"
    assert query.with_status("").path == "/admin/checks?q=a+b"
    assert ChecksQuery().path == "/admin/checks"
    assert len(read_query({"q": "x" * 500}).text) == 100
    assert len(read_query({"q": "x " * 50}).words) == 8
