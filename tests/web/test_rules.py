"""Rules of templates, styles and scripts that reading alone would not keep."""

import re
from pathlib import Path

import pytest

from ttr.domain.preferences import THEMES
from ttr.paths import STATIC, TEMPLATES

# What lies in channels/ becomes messages, which no Content-Security-Policy of ours governs.
TEMPLATE_FILES = sorted(
    path for path in TEMPLATES.rglob("*.html") if path.relative_to(TEMPLATES).parts[0] != "channels"
)
# Mail readers know no stylesheets of ours.
MAIL = TEMPLATES / "channels" / "email.html"
WIDGET = TEMPLATES / "telegram" / "_offer.html"
STYLES = sorted((STATIC / "css").rglob("*.css"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
HX = {"hx-get", "hx-post", "hx-target", "hx-swap", "hx-swap-oob", "hx-trigger", "hx-confirm", "hx-sync"}
HX |= {"hx-include", "hx-push-url", "hx-indicator", "hx-morph-skip"}
# One stream a page, by the extension: hx-sse:connect, in ui/stream.html alone.


def name(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", TEMPLATE_FILES, ids=name)
def test_a_template_holds_nothing_inline_and_trusts_no_text(path: Path) -> None:
    source = path.read_text()
    assert path == MAIL or not re.search(r"\sstyle\s*=", source)
    assert not re.search(r"<style|\son[a-z]+\s*=|javascript:|hx-on|\bjs:", source)
    assert not re.search(r"\|\s*safe\b|autoescape|Markup", source)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", source))
    # Telegram's button is its own script: the pages that offer it say so in their policy, and no others.
    ours = source.replace('src="https://telegram.org/js/telegram-widget.js?22"', "")
    assert path == WIDGET or ours == source
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", ours)


@pytest.mark.parametrize("path", TEMPLATE_FILES, ids=name)
def test_a_template_keeps_to_the_small_vocabulary_of_htmx(path: Path) -> None:
    source = path.read_text()
    assert set(re.findall(r"\b(hx-[a-z-]+)(?==)", source)) <= HX
    assert not any("[" in trigger for trigger in re.findall(r'hx-trigger="([^"]*)"', source))


@pytest.mark.parametrize("path", TEMPLATE_FILES, ids=name)
def test_every_form_that_writes_carries_the_token(path: Path) -> None:
    for form in re.findall(r'<form[^>]*method="post".*?</form>', path.read_text(), re.DOTALL):
        assert 'name="csrf_token"' in form


@pytest.mark.parametrize("path", STYLES, ids=name)
def test_a_stylesheet_lies_in_a_layer_and_names_no_colour(path: Path) -> None:
    source = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    if path.name not in ("layers.css", "fonts.css"):
        assert re.match(r"\s*@layer [a-z]+ \{", source)
    if path.parent.name != "themes":
        assert not any(theme in source for theme in THEMES), "what a theme changes is a value of its own"
        assert not re.search(
            r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch|oklab|lab|lch|color)\(|\b(?:white|black)\b(?!-)", source
        )
    assert "!important" not in source
    assert "@import" not in source
    still = re.sub(
        r"@media \(prefers-reduced-motion: no-preference\) \{.*?\n  \}", "", source, flags=re.DOTALL
    )
    assert not re.search(r"\b(?:animation|transition)\b", still), (
        "motion is for those who have not asked for less"
    )


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_a_script_is_small_and_evaluates_nothing(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= 120
    assert not re.search(
        r"\beval\b|new Function|innerHTML|insertAdjacentHTML|document\.write|setTimeout\(['\"]", source
    )
