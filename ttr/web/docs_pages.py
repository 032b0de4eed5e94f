"""The pages of the documentation, each made once a process from its file in docs/."""

from functools import cache

from ttr.domain.schedule import Schedule
from ttr.paths import DOCS
from ttr.web.docs_contents import DECISIONS, decisions, pages
from ttr.web.docs_text import BASE, Page, make_page
from ttr.web.recipes import recipes_for

_RECIPES = "<!-- recipes -->"
"""From here on docs/recipes.md has the texts of the check page; on a forge it says where they are."""
_NIGHTLY = Schedule("cron", None, "0 3 * * *", "UTC")


def is_page(name: str) -> bool:
    """Whether there is a page of this name."""
    return name in pages() or name in decisions()


@cache
def page(name: str) -> Page:
    """The page; 2 to 40 ms the first time. Raises KeyError for one that is not there."""
    if not is_page(name):
        raise KeyError(name)
    if name == DECISIONS:
        return make_page(name, _list_of_decisions())
    text = (DOCS / f"{name}.md").read_text()
    before, found, _ = text.partition(_RECIPES)
    return make_page(name, before + _recipes() if found else text)


@cache
def front() -> Page:
    """What docs/README.md says before its lists."""
    return make_page("README", (DOCS / "README.md").read_text().partition("\n## ")[0])


def _list_of_decisions() -> str:
    items = [f"* [{_title(name)}]({name}.md)" for name in decisions()]
    return "\n".join(
        ["# Decisions", "", "Why it is built this way, in the order in which it was decided.", "", *items]
    )


def _title(name: str) -> str:
    with (DOCS / f"{name}.md").open() as text:
        return text.readline().removeprefix("# ").strip()


def _recipes() -> str:
    """The texts of the check page, for a job that runs nightly."""
    lines = list[str]()
    for recipe in recipes_for(_NIGHTLY, "backup", f"{BASE}/p/USER_SLUG/backup"):
        lines += [f"## {recipe.title}", ""]
        for what, text in recipe.texts:
            lines += [f"**{what}**", "", "````", text.strip("\n"), "````", ""]
    return "\n".join(lines)
