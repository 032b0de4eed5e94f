"""Links lead somewhere, on a forge and in the app: the page is there, and so is the heading."""

import re
from html import unescape
from pathlib import Path

import pytest
from quart import Quart

from ttr.paths import TEMPLATES
from ttr.web.docs_contents import address_of, decisions, name_at, pages
from ttr.web.docs_help import HELP, PARTS
from ttr.web.docs_pages import front, is_page, page

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})
SHOWN = [*pages(), *decisions()]
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
_IMG = re.compile(r'<img src="([^"]+)"')
_CODE = re.compile(r"(`{3,}).*?\1", re.DOTALL)


def _anchors(text: str) -> set[str]:
    """Headings as GitHub names them, the second of a name with a number behind it."""
    found: dict[str, int] = {}
    anchors = set()
    for heading in re.findall(r"^#+ (.+)$", _CODE.sub("", text), re.MULTILINE):
        words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", words.lower()).strip().replace(" ", "-")
        count = found.get(anchor, 0)
        found[anchor] = count + 1
        anchors.add(f"{anchor}-{count}" if count else anchor)
    return anchors


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    text = document.read_text()
    wrong = []
    for path, anchor in _LINK.findall(_CODE.sub("", text)):
        target = (document.parent / path).resolve() if path else document
        if not target.exists():
            wrong.append(f"{path} is not there")
        elif anchor and target.suffix == ".md" and anchor not in _anchors(target.read_text()):
            wrong.append(f"{path}#{anchor} is not there")
    wrong += [f"{path} is not there" for path in _IMG.findall(text) if not (document.parent / path).exists()]
    assert wrong == []


@pytest.mark.parametrize("name", SHOWN)
def test_the_app_names_headings_as_a_forge_does(name: str) -> None:
    if name in ("decisions", "recipes"):
        pytest.skip("made by the app")
    ids = set(re.findall(r'<h[1-6] id="([^"]+)"', page(name).html))
    assert ids == _anchors((ROOT / f"docs/{name}.md").read_text())


@pytest.mark.parametrize("name", ["", *SHOWN])
def test_every_link_of_a_page_of_the_app_leads_somewhere(app: Quart, name: str) -> None:
    shown = page(name) if name else front()
    links = {unescape(link) for link in re.findall(r'(?:href|src)="([^"]*)"', shown.html)}
    assert [link for link in sorted(links) if not _leads(app, link, shown.html)] == []


def test_what_the_app_says_of_the_documentation_is_there(app: Quart) -> None:
    links = {help_ for _, help_ in HELP} | {*PARTS.values()}
    for file in TEMPLATES.rglob("*.*"):
        links |= {link for link in re.findall(r'"(/docs[^"\s]*)"', file.read_text()) if "{" not in link}
    assert len(links) > 15
    assert [link for link in sorted(links) if not _leads(app, link, "")] == []


def _leads(app: Quart, link: str, html: str) -> bool:
    """Whether it is an address of the app, and its anchor one of the page's; what is elsewhere is not asked for."""
    if re.match(r"https?:|mailto:", link):
        return True
    path, _, anchor = link.partition("#")
    name = name_at(path.removeprefix("/docs/"))
    if path.startswith("/docs/") and is_page(name):
        html = page(name).html
    elif path.startswith(("/docs/images/", "/docs/prometheus/")):
        return (ROOT / path.lstrip("/")).is_file()
    elif path:
        adapter = app.url_map.bind("localhost")
        rule, _ = adapter.match(path, "GET", return_rule=True)
        return rule.rule != "/docs/<name>" and not anchor
    return not anchor or f'id="{anchor}"' in html


def test_an_address_that_is_not_there_is_noticed(app: Quart) -> None:
    assert _leads(app, address_of("settings"), "")
    assert _leads(app, "/docs/api", "")
    for link in ("/docs/nothing", "/docs/settings#nothing", "#nothing", "/docs/images/nothing.png"):
        assert not _leads(app, link, '<h2 id="something">'), link
