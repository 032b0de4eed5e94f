"""Pictures: every one that a template names is in the one file of them, and no two states look alike."""

import re

from ttr.paths import STATIC, TEMPLATES

ICONS = dict(
    re.findall(
        r'<symbol id="([a-z-]+)" viewBox="0 0 16 16">(.+)</symbol>', (STATIC / "icons/icons.svg").read_text()
    )
)


def test_every_icon_that_a_template_names_is_there() -> None:
    named = {
        name
        for path in TEMPLATES.rglob("*.html")
        for call in re.findall(r"\b(?:icon|mark)\(([^)]*)\)", path.read_text())
        for name in re.findall(r'^"([a-z-]+)"', call)
    }
    assert len(named) > 10
    assert named - ICONS.keys() == set()


def test_states_differ_in_outline() -> None:
    states = ("up", "late", "down", "new", "paused", "running", "flapping", "waiting", "ignored", "success")
    assert len({ICONS[state] for state in states}) == len(states)


def test_icons_take_the_colour_of_their_words() -> None:
    for name, drawing in ICONS.items():
        assert set(re.findall(r'(?:fill|stroke)="([^"]+)"', drawing)) <= {"none", "currentColor"}, name
