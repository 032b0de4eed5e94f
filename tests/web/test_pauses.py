"""Pausing and resuming, from the list and from the check's page."""

from tests.web.conftest import Visitor, text
from ttr.store.checks import get_check
from ttr.store.redis import Store


async def test_a_check_is_paused_and_resumed(owner: Visitor, store: Store) -> None:
    assert owner.user
    number = await owner.make_check()
    response = await owner.post(f"/checks/{number}/pause", back="/dashboard?older_than=30")
    assert (response.status_code, response.headers["Location"]) == (303, "/dashboard?older_than=30")
    assert (await get_check(store, owner.user, str(number))).paused
    response = await owner.post(f"/checks/{number}/resume")
    assert response.headers["Location"] == f"/checks/{number}"
    assert not (await get_check(store, owner.user, str(number))).paused


async def test_htmx_gets_the_part_that_changed(owner: Visitor) -> None:
    number = await owner.make_check(name="Job")
    row = await text(await owner.post(f"/checks/{number}/pause", htmx=True, back="/dashboard"))
    assert row.lstrip().startswith(f'<tr id="check-{number}"')
    assert 'data-status="paused"' in row
    assert "Job is paused." in row
    live = await text(await owner.post(f"/checks/{number}/resume", htmx=True, back=f"/checks/{number}"))
    assert live.lstrip().startswith('<section id="live"')
    assert "Job is watched again." in live


async def test_reading_changes_nothing(owner: Visitor, store: Store) -> None:
    assert owner.user
    number = await owner.make_check()
    for path in ("pause", "resume", "pings", "acknowledge"):
        assert (await owner.get(f"/checks/{number}/{path}")).status_code == 303
    check = await get_check(store, owner.user, str(number))
    assert (check.status, check.ping_count) == ("new", 0)
