"""The drawings of the documentation: whole, told in words, in the reader's colours, fit to stand inside a page."""

import re
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import pytest

from ttr.domain.check import Status

DRAWINGS = sorted((Path(__file__).parents[2] / "docs/images").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("drawing", DRAWINGS, ids=lambda path: path.name)
def test_it_tells_what_it_shows_and_takes_the_page_s_colours(drawing: Path) -> None:
    root = ElementTree.parse(drawing).getroot()  # our own file
    said = {part: root.findtext(SVG + part) or "" for part in ("title", "desc")}

    assert all(said.values())
    assert root.get("role") == "img"
    named = (root.get("aria-labelledby") or "").split()
    assert {element.get("id") for element in root.iter()} >= set(named)
    colours = {element.get(name) for element in root.iter() for name in ("fill", "stroke")}
    assert colours <= {None, "none", "currentColor"}
    # A page's policy refuses all of these, wherever it is put inside one.
    forbidden = r"\sstyle=|<script|<foreignObject|\son\w+=|href=\"(?!#)|url\((?!#)"
    text = drawing.read_text()
    assert re.findall(forbidden, text) == []
    assert text.count("<style>") <= 1


def test_drawings_can_stand_in_one_page() -> None:
    names = [name for path in DRAWINGS for name in re.findall(r' id="([^"]+)"', path.read_text())]

    assert len(names) == len(set(names))


def test_the_states_are_those_of_a_check() -> None:
    text = next(path for path in DRAWINGS if path.name == "state-machine.svg").read_text()
    drawn = set(re.findall(r"state--(\w+)", text))

    assert drawn == {*get_args(Status), "late", "running"}
