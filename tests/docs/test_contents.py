"""docs/README.md lists every page, once, and no other; each has a title that it can be known by."""

import re
from pathlib import Path

from ttr.web.docs_contents import DECISIONS, read_contents

DOCS = Path(__file__).parents[2] / "docs"
LISTED = [entry for group in read_contents((DOCS / "README.md").read_text()) for entry in group.entries]


def test_every_page_is_listed_once_and_every_line_is_a_page() -> None:
    names = [entry.name for entry in LISTED]
    there = {path.stem for path in DOCS.glob("*.md")} - {"README"} | {DECISIONS}
    assert len(names) == len(set(names))
    assert set(names) == there
    assert len({entry.title for entry in LISTED}) == len(LISTED)


def test_every_line_of_its_lists_is_read() -> None:
    lines = re.findall(r"^\* .*", (DOCS / "README.md").read_text(), re.MULTILINE)
    assert len(lines) == len(LISTED)


def test_every_page_begins_with_its_one_title() -> None:
    for path in [*DOCS.rglob("*.md")]:
        text = re.sub(r"(`{3,}).*?\1", "", path.read_text(), flags=re.DOTALL)
        assert text.startswith("# "), path.name
        assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1, path.name


def test_no_page_has_html_but_comments() -> None:
    for path in [*DOCS.rglob("*.md")]:
        text = re.sub(
            r"(`{3,}).*?\1|`[^`\n]*`|<!--.*?-->|<https?://[^>\s]+>", "", path.read_text(), flags=re.DOTALL
        )
        assert re.findall(r"</?[a-z][^>]*>", text) == [], path.name


def test_every_picture_is_shown_somewhere() -> None:
    texts = "".join(path.read_text() for path in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"])
    assert [path.name for path in (DOCS / "images").iterdir() if f"images/{path.name}" not in texts] == []
