"""Finds sections of the documentation by their words. Pure: the index is a list, a search looks through all of it.

Some 350 kB of text take 1 to 15 ms, so there is nothing to build or to keep up to date.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from ttr.web.docs_contents import DECISIONS, address_of
from ttr.web.docs_text import Page

TEXT_MAX = 100
WORDS_MAX = 8
FOUND_MAX = 20
"""Sections shown."""
_OF_A_PAGE = 4
_BEFORE, _AFTER = 40, 160
"""Characters of an extract before and after a word that is found."""
_HITS_MAX = 50
"""Places among which the best one is looked for: single letters have thousands, and each is compared with all."""
_IN_TITLE, _IN_PAGE = 8, 4


@dataclass(frozen=True, slots=True)
class Indexed:
    """A section as it is looked through."""

    page: str
    page_title: str
    title: str
    address: str
    words: str
    folded: str


@dataclass(frozen=True, slots=True)
class Found:
    """A section that has the words; `extract` are pieces of its text, each with whether it is one of them."""

    page_title: str
    title: str
    address: str
    extract: tuple[tuple[str, bool], ...]


def index(pages: Iterable[Page]) -> list[Indexed]:
    """The sections of the pages, in their order."""
    return [
        Indexed(
            page.name,
            page.title,
            section.title,
            address_of(page.name) + (f"#{section.anchor}" if section.anchor else ""),
            section.words,
            f"{page.title} {section.title} {section.words}".lower(),
        )
        for page in pages
        for section in page.sections
    ]


def words_of(text: str) -> list[str]:
    """The words that are looked for: up to 8 of the first 100 characters, in small letters."""
    return text[:TEXT_MAX].lower().split()[:WORDS_MAX]


def find(sections: Iterable[Indexed], words: list[str]) -> list[Found]:
    """The sections that have every word, best first: titles before text, pages for users before decisions."""
    if not words:
        return []
    having = [one for one in sections if all(word in one.folded for word in words)]
    having.sort(key=lambda one: (one.page.startswith(DECISIONS), -_worth(one, words)))
    shown, counts = list[Found](), dict[str, int]()
    for one in having:
        counts[one.page] = counts.get(one.page, 0) + 1
        if counts[one.page] <= _OF_A_PAGE and len(shown) < FOUND_MAX:
            shown.append(Found(one.page_title, one.title, one.address, _extract(one.words, words)))
    return shown


def _worth(one: Indexed, words: list[str]) -> int:
    title, page = one.title.lower(), one.page_title.lower()
    return sum(
        _IN_TITLE * (word in title) + _IN_PAGE * (word in page) + min(one.folded.count(word), 3)
        for word in words
    )


def _extract(text: str, words: list[str]) -> tuple[tuple[str, bool], ...]:
    pattern = re.compile("|".join(map(re.escape, words)), re.IGNORECASE)
    start = max(0, _best_place(text, pattern) - _BEFORE)
    start = text.rfind(" ", 0, start) + 1 if start else 0
    end = start + _BEFORE + _AFTER
    piece = ("… " if start else "") + text[start:end].strip() + (" …" if end < len(text) else "")
    parts, at = list[tuple[str, bool]](), 0
    for hit in pattern.finditer(piece):
        parts += [(piece[at : hit.start()], False), (hit.group(), True)]
        at = hit.end()
    return (*(part for part in parts if part[0]), (piece[at:], False))


def _best_place(text: str, pattern: re.Pattern[str]) -> int:
    """Where the most of the words stand together, as far as one looks."""
    hits = [(hit.start(), hit.group().lower()) for hit in islice(pattern.finditer(text), _HITS_MAX)]
    return max(
        (start for start, _ in hits),
        key=lambda start: len({word for at, word in hits if start <= at < start + _AFTER}),
        default=0,
    )
