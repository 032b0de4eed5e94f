"""The bars of the last days, and shares of time in words."""

import pytest

from tests.web.conftest import Visitor
from ttr.domain.uptime import DAY_MS, Spent
from ttr.web.charts import HEIGHT, STEP, bars, percent


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (None, "no data"),
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.99999999999, "99.99 %"),
        (0.9998, "99.98 %"),
        (0.29, "29 %"),
    ],
)
def test_a_share_is_100_only_when_it_is_whole(ratio: float | None, words: str) -> None:
    assert percent(ratio) == words


def test_each_kind_of_day_has_its_bar() -> None:
    found = bars(
        [
            (0, Spent()),
            (1, Spent(paused=DAY_MS)),
            (2, Spent(up=DAY_MS)),
            (3, Spent(up=DAY_MS - 1_000, down=1_000)),
            (4, Spent(down=DAY_MS)),
            (5, Spent(blind=DAY_MS)),
            (6, Spent(blind=DAY_MS - 1, paused=1)),
            (7, Spent(blind=DAY_MS - 1, up=1)),
        ]
    )
    assert [bar.x for bar in found] == [i * STEP for i in range(8)]
    assert [bar.kind for bar in found] == ["none", "none", "up", "down", "down", "none", "none", "up"]
    assert [bar.cut for bar in found] == [0, 0, 0, 8, HEIGHT, 0, 0, 0]
    assert [bar.title for bar in found] == [
        "1970-01-01: no data",
        "1970-01-02: paused",
        "1970-01-03: 100 %",
        "1970-01-04: 99.99 %, down for 1 s",
        "1970-01-05: 0 %, down for 1 d",
        "1970-01-06: not watched",
        "1970-01-07: paused",
        "1970-01-08: 100 %",
    ]


async def test_a_checks_page_tells_its_uptime(owner: Visitor) -> None:
    assert owner.user
    number = await owner.make_check(slug="job")
    assert "data-day" not in await owner.read(f"/checks/{number}")  # first it teaches how to ping
    await owner.post(f"/checks/{number}/pings")
    page = await owner.read(f"/checks/{number}")
    assert (page.count('data-day="'), page.count('data-day="none"')) == (90, 89)
    assert page.count("no data") >= 89
    await owner.client.get(f"/p/{owner.user.user_slug}/job/fail")
    page = await owner.read(f"/checks/{number}")
    assert page.count('data-day="down"') == 1
    assert "Days it was down: 1" in page
    assert "89 days ago" in page
