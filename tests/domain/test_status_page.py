"""What stands on a status page, and in which order."""

import pytest

from ttr.domain.status_page import Entry, Group, StatusPage, StatusPageSettings, arrange


def entries(text: str) -> tuple[Entry, ...]:
    """Entries from words: 7 is a check, #db a tag, all else a heading."""
    found = []
    for word in text.split():
        kind = "check" if word.isdigit() else "tag" if word.startswith("#") else "heading"
        found.append(Entry(kind, word.removeprefix("#")))
    return tuple(found)


@pytest.mark.parametrize(
    ("order", "tagged", "groups"),
    [
        ("", {}, []),
        ("3 1 2", {}, [("", (3, 1, 2))]),
        ("A", {}, [("A", ())]),
        ("A B", {}, [("A", ()), ("B", ())]),
        ("1 A 2 B 3", {}, [("", (1,)), ("A", (2,)), ("B", (3,))]),
        # Two headings may say the same and stay apart.
        ("A 1 A 2", {}, [("A", (1,)), ("A", (2,))]),
        # A tag stands for its checks in their order; one that nobody carries for none.
        ("#db #none", {"db": [5, 4]}, [("", (5, 4))]),
        ("A #none", {}, [("A", ())]),
        # A check stands where it was chosen, before or behind the tag,
        ("A #db B 4", {"db": [5, 4]}, [("A", (5,)), ("B", (4,))]),
        ("A 4 B #db", {"db": [5, 4]}, [("A", (4,)), ("B", (5,))]),
        # else below the first of its tags.
        ("A #x B #y", {"x": [1, 2], "y": [2, 3, 1]}, [("A", (1, 2)), ("B", (3,))]),
        ("#x #x", {"x": [1]}, [("", (1,))]),
        ("1 A 1", {}, [("", (1,)), ("A", ())]),
    ],
)
def test_checks_stand_once_in_their_groups(
    order: str, tagged: dict[str, list[int]], groups: list[tuple[str, tuple[int, ...]]]
) -> None:
    assert arrange(entries(order), tagged) == [Group(*group) for group in groups]


def test_a_page_tells_its_checks_and_tags_in_order() -> None:
    settings = StatusPageSettings("Page", "page", entries=entries("A 3 #b 1 B #a"))
    assert (settings.check_ids, settings.tags) == ((3, 1), ("b", "a"))


def test_without_a_check_that_is_gone_all_else_stays_where_it_is() -> None:
    settings = StatusPageSettings("Page", "page", entries=entries("A 3 #b 1 B 2"))
    assert settings.with_checks_of({1, 2, 3, 4}) is settings
    assert settings.with_checks_of({1}).entries == entries("A #b 1 B")
    assert settings.with_checks_of(()).entries == entries("A #b B")


@pytest.mark.parametrize(("visibility", "shown"), [("public", True), ("unlisted", True), ("off", False)])
def test_a_page_that_is_off_is_for_its_owner(visibility: str, shown: bool) -> None:
    settings = StatusPageSettings("Page", "page", visibility=visibility)  # type: ignore[arg-type]
    page = StatusPage(1, "", 1, settings, 0, 0, "")
    assert (page.shown, page.name) == (shown, "Page")
