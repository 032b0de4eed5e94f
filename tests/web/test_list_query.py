"""The dashboard's address: what it may say, what nonsense counts as, and that it is written back as it was read."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from ttr.domain.limits import FILTER_TAGS_MAX
from ttr.domain.preferences import PAGE_SIZES
from ttr.store.check_list import STATUSES, Place
from ttr.store.cursor import cursor_text
from ttr.web.list_query import SORTS, TEXT_MAX, WORDS_MAX, ListQuery, read_list_query
from ttr.web.reply import is_ours


def read(query: str) -> ListQuery:
    return read_list_query(MultiDict(parse_qsl(query, keep_blank_values=True)))


def test_an_empty_address_is_the_worst_first() -> None:
    query = read("")
    assert (query.sort, query.descending, query.size, query.filtered) == ("status", False, None, False)
    assert query.path == "/dashboard"


@pytest.mark.parametrize(
    "nonsense",
    [
        "sort=uuid",
        "sort=",
        "dir=up",
        "size=26",
        "size=-10",
        "size=1e1",
        "size=999999999999",
        "status=dead",
        "match=none",
        "q=%20%20",
        "tag=",
        "tag=%20",
        "unknown=1",
    ],
)
def test_nonsense_counts_as_not_said(nonsense: str) -> None:
    assert read(nonsense) == ListQuery() or read(nonsense).path == "/dashboard"


@pytest.mark.parametrize("count", [FILTER_TAGS_MAX - 1, FILTER_TAGS_MAX, FILTER_TAGS_MAX + 1])
def test_so_many_tags_are_asked_for(count: int) -> None:
    query = read("&".join(f"tag=t{n}" for n in range(count)))
    assert len(query.tags) == min(count, FILTER_TAGS_MAX)


@pytest.mark.parametrize("count", [WORDS_MAX - 1, WORDS_MAX, WORDS_MAX + 1])
def test_so_many_words_are_looked_for(count: int) -> None:
    query = read("q=" + "+".join(f"w{n}" for n in range(count)))
    assert len(query.filter.words) == min(count, WORDS_MAX)


@pytest.mark.parametrize("length", [TEXT_MAX - 1, TEXT_MAX, TEXT_MAX + 1])
def test_a_search_has_its_length(length: int) -> None:
    assert len(read("q=" + "x" * length).text) == min(length, TEXT_MAX)


queries = st.builds(
    ListQuery,
    text=st.lists(
        st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=9), max_size=WORDS_MAX
    ).map(" ".join),
    tags=st.lists(
        st.text(min_size=1, max_size=50).map(str.strip).filter(bool), max_size=FILTER_TAGS_MAX, unique=True
    ).map(tuple),
    statuses=st.sets(st.sampled_from(STATUSES)).map(lambda some: tuple(s for s in STATUSES if s in some)),
    sort=st.sampled_from(list(SORTS)),
    descending=st.booleans(),
    size=st.sampled_from([None, *PAGE_SIZES]),
)


@given(queries, st.booleans())
def test_what_is_written_is_read_back_and_may_be_led_back_to(query: ListQuery, any_tag: bool) -> None:
    query = read(str(query) + ("&match=any" if any_tag else ""))
    path = query.path
    assert read(urlsplit(path).query).path == path
    assert read(urlsplit(path).query).filter == query.filter or len(query.tags) < 2
    assert is_ours(path) or len(path) > 4_000


def test_a_cursor_of_another_order_is_the_first_page() -> None:
    cursor = cursor_text("name", Place("backup", 7), backward=True)
    assert read(f"sort=name&cursor={cursor}").place
    assert read(f"sort=last&cursor={cursor}").place is None
    assert read("cursor=%00%ff").place is None


@pytest.mark.parametrize("sort", list(SORTS))
def test_the_form_says_order_and_way_in_one_word(sort: str) -> None:
    assert read(f"sort={sort}.desc") == read(f"sort={sort}&dir=desc")
    assert read(f"sort={sort}.asc&dir=desc") == read(f"sort={sort}&dir=asc")
    assert read(f"sort={sort}.up") == read(f"sort={sort}")


def test_links_keep_what_they_do_not_change() -> None:
    query = read("q=db&tag=a&tag=b&match=any&status=down&size=50&cursor=x")
    assert "cursor" not in query.sorted_by("name").path
    for path in (
        query.sorted_by("name").path,
        query.only("up").path,
        query.with_tag("c").path,
        query.at("y").path,
    ):
        for kept in ("q=db", "tag=a", "size=50"):
            assert kept in path
    assert query.with_tag("a").tags == ("b",)
    assert query.only("down").statuses == ()
    assert query.sorted_by("last").descending
    assert not query.sorted_by("last").sorted_by("last").descending
    assert query.unfiltered().path == "/dashboard?size=50"
