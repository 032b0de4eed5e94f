"""Many checks at once, from the dashboard: all of them or none, and nothing without being asked."""

import re

import pytest

from tests.web.conftest import Visitor, text
from ttr.domain.limits import BULK_MAX, TAGS_MAX


async def three(owner: Visitor) -> list[int]:
    return [await owner.make_check(name=f"Check {n}", slug=f"c{n}") for n in range(3)]


async def test_a_selection_is_paused_and_resumed(owner: Visitor) -> None:
    one, two, _ = await three(owner)
    back = "/dashboard?q=check"
    for do, next_turn in (("pause", "Resume"), ("resume", "Pause"), ("resume", "Pause")):
        response = await owner.post("/checks/bulk", do=do, back=back, many={"check": [one, two]})
        assert (response.status_code, response.headers["Location"]) == (303, back)
        page = await owner.read("/dashboard")
        for name in ("Check 0", "Check 1"):
            assert f'aria-label="{next_turn} {name}"' in page


async def test_tags_are_added_and_taken_off(owner: Visitor) -> None:
    one, two, three_ = await three(owner)
    await owner.post("/checks/bulk", do="tag", tags="db, <b>", many={"check": [one, two]})
    page = await owner.read("/dashboard?tag=db")
    assert "Check 0" in page
    assert "Check 2" not in page
    assert "&lt;b&gt;" in page
    await owner.post("/checks/bulk", do="untag", tags="db", many={"check": [one, two, three_]})
    assert "No check is like that" in await owner.read("/dashboard?tag=db")


async def test_deleting_asks_first_and_names_them(owner: Visitor) -> None:
    one, two, _ = await three(owner)
    response = await owner.post(
        "/checks/bulk", do="delete", back="/dashboard?q=c", many={"check": [one, two]}
    )
    page = await text(response)
    assert response.status_code == 200
    assert "Delete these 2 checks?" in page
    assert "Check 2" not in page
    assert "Check 0" in await owner.read("/dashboard")
    response = await owner.post(
        "/checks/bulk", do="delete", sure="yes", back="/dashboard?q=c", many={"check": [one, two]}
    )
    assert response.headers["Location"] == "/dashboard?q=c"
    page = await owner.read("/dashboard")
    assert "Check 0" not in page
    assert "Check 2" in page


async def test_with_htmx_the_list_comes_back_with_a_word(owner: Visitor) -> None:
    one, two, _ = await three(owner)
    response = await owner.post(
        "/checks/bulk", htmx=True, do="pause", back="/dashboard?q=check&size=10", many={"check": [one, two]}
    )
    page = await text(response)
    assert '<section id="checks"' in page
    assert "2 checks are paused." in page
    assert "q=check" in page


@pytest.mark.parametrize(
    ("fields", "checks", "words"),
    [
        ({"do": "pause"}, [], "Select some checks first."),
        ({"do": "explode"}, [1], "Say what to do"),
        ({}, [1], "Say what to do"),
        ({"do": "tag", "tags": " , "}, [1], "Give a tag."),
        (
            {"do": "tag", "tags": ",".join(f"t{n}" for n in range(TAGS_MAX + 1))},
            [1],
            f"At most {TAGS_MAX} tags.",
        ),
        ({"do": "tag", "tags": "x" * 300}, [1], ""),
        ({"do": "pause"}, [999_999], "You have no such check."),
        ({"do": "delete"}, [999_999], "gone already"),
        ({"do": "pause"}, ["x", "-1"], ""),
        ({"do": "pause"}, list(range(1, BULK_MAX + 2)), ""),
    ],
)
async def test_what_can_not_be_done_is_said_and_nothing_is_changed(
    owner: Visitor, fields: dict[str, str], checks: list[object], words: str
) -> None:
    one, _, _ = await three(owner)
    wanted = [one if check == 1 else check for check in checks]
    response = await owner.post("/checks/bulk", htmx=True, many={"check": wanted}, **fields)
    assert response.status_code == 422
    assert response.headers["HX-Retarget"] == "#notice"
    assert words in (await text(response)).replace("&#39;", "'")
    # Below the list, figures without data are marked as what is paused.
    page = (await owner.read("/dashboard")).partition('id="operations-figures"')[0]
    assert 'data-status="paused"' not in page.replace(
        'id="count-paused" href="/dashboard?status=paused" data-status="paused"', ""
    )


async def test_one_unknown_check_stops_all(owner: Visitor, visitor: Visitor) -> None:
    one, _, _ = await three(owner)
    await visitor.post("/keys")
    foreign = await visitor.make_check(name="Theirs")
    response = await owner.post("/checks/bulk", do="pause", many={"check": [one, foreign]})
    assert response.status_code == 422
    assert 'aria-label="Pause Check 0"' in await owner.read("/dashboard")


async def test_without_htmx_a_refusal_keeps_what_was_selected_and_typed(owner: Visitor) -> None:
    one, two, three_ = await three(owner)
    response = await owner.post(
        "/checks/bulk",
        do="tag",
        tags="<x>," + "y" * 51,
        back="/dashboard?q=check",
        many={"check": [one, two]},
    )
    page = await text(response)
    assert response.status_code == 422
    assert 'id="refused" role="alert"' in page
    assert 'value="&lt;x&gt;,yyy' in page
    assert 'name="q" type="search" value="check"' in page
    for check, checked in ((one, True), (two, True), (three_, False)):
        box = page[page.index(f'id="select-{check}"') :]
        assert ("checked" in box[: box.index(">")]) is checked


async def test_selecting_more_than_one_call_may_change_is_refused(owner: Visitor) -> None:
    one, _, _ = await three(owner)
    numbers = [one] * (BULK_MAX + 1)
    response = await owner.post("/checks/bulk", do="pause", many={"check": numbers})
    assert response.status_code == 422
    response = await owner.post("/checks/bulk", do="pause", many={"check": numbers[1:]})
    assert response.status_code == 303


async def test_enter_in_the_field_of_tags_adds_them(owner: Visitor) -> None:
    await owner.make_check()
    page = await owner.read("/dashboard")
    form = page[page.index('<form class="bulk"') : page.index("</form>", page.index('<form class="bulk"'))]
    first = re.search(r'<button[^>]*type="submit"[^>]*>', form)
    assert first
    assert 'name="do" value="tag"' in first[0]
