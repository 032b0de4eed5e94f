"""How wide the letters of a badge are: advances of DejaVu Sans, which Verdana's are close to. Pure.

The tables were written by fontTools from DejaVuSans.ttf 2.37 (Debian's fonts-dejavu-core): of each code point of a
range `round(hmtx[getBestCmap()[point]][0] * 100 / unitsPerEm)`, 0 for what is drawn over the letter before it or not at
all (the categories Mn, Me, Cf and Cc), 64 for what the font does not have. Other letters come from other fonts, and are
judged by what Unicode says of their width.
"""

import unicodedata
from collections.abc import Mapping
from itertools import pairwise

_TABLES = {
    # Latin, its accents, Greek, Cyrillic.
    0x20: """
    32 40 46 84 64 95 78 27 39 39 50 84 32 36 32 34 64 64 64 64 64 64 64 64 64 64 34 34 84 84 84 53 100
    68 69 70 77 63 58 77 75 29 29 66 56 86 75 79 60 79 69 63 61 73 68 99 69 61 69 39 34 39 84 50 50 61
    63 55 63 62 35 63 63 28 28 58 28 97 63 61 63 63 41 52 39 63 59 82 59 59 52 64 34 64 84 0 0 0 0 0 0
    0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 32 40 64 64 64 64 34 50 50 100 47 61 84 0 100
    50 50 84 40 40 50 64 64 32 50 40 47 61 97 97 97 53 68 68 68 68 68 68 97 70 63 63 63 63 29 29 29 29
    77 75 79 79 79 79 79 84 79 73 73 73 73 61 60 63 61 61 61 61 61 61 98 55 62 62 62 62 28 28 28 28 61
    63 61 61 61 61 61 84 61 63 63 63 63 59 63 59 68 61 68 61 68 61 70 55 70 55 70 55 70 55 77 63 77 63
    63 62 63 62 63 62 63 62 63 62 77 63 77 63 77 63 77 63 75 63 92 69 29 28 29 28 29 28 29 28 29 28 59
    56 29 28 66 58 58 56 28 56 28 56 38 56 34 56 28 75 63 75 63 75 63 81 75 63 79 61 79 61 79 61 107
    102 69 41 69 41 69 41 63 52 63 52 63 52 63 52 61 39 61 39 61 39 73 63 73 63 73 63 73 63 73 63 73 63
    99 82 61 59 61 69 52 69 52 69 52 35 63 73 69 63 69 63 70 70 55 77 82 69 63 61 63 79 61 58 35 77 69
    98 35 29 75 58 28 59 97 75 63 79 91 61 95 76 65 63 69 63 52 63 34 39 61 39 61 86 63 76 72 74 73 69
    52 67 67 58 52 64 67 58 51 63 29 49 46 30 142 130 115 84 79 46 93 92 80 68 61 29 28 79 61 73 63 73
    63 73 63 73 63 73 63 62 68 61 68 61 97 98 77 63 77 63 66 58 79 61 79 61 67 58 28 142 130 115 77 63
    111 68 75 63 68 61 97 98 79 61 68 61 68 61 63 62 63 62 29 28 29 28 79 61 79 61 69 41 69 41 73 63 73
    63 63 52 61 39 63 52 75 63 74 84 70 61 69 52 68 61 63 62 79 61 79 61 79 61 79 61 61 59 47 84 48 28
    100 100 68 70 55 56 61 52 52 60 48 69 73 68 63 62 29 28 78 63 69 41 61 59 60 63 63 63 55 55 63 70
    62 62 82 54 53 78 66 28 70 63 63 60 60 63 63 63 28 34 37 40 49 28 71 97 97 97 65 64 63 61 86 73 66
    41 41 41 41 41 53 53 60 60 52 34 34 46 34 39 39 63 62 60 59 82 59 61 52 52 58 58 51 51 51 51 79 58
    66 71 65 29 67 51 73 51 51 101 106 101 83 61 78 85 71 65 52 52 66 66 40 40 17 26 30 30 38 52 37 28
    46 32 32 32 31 31 37 37 50 50 50 50 50 50 27 50 50 50 27 50 50 50 34 34 31 31 50 50 39 32 50 50 50
    50 50 50 32 50 43 17 37 44 37 49 49 49 49 49 64 64 50 50 52 64 64 64 64 50 64 64 64 50 64 64 64 64
    64 64 64 64 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
    0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
    0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 65 57 86 65 28 28 75 65 64 64 50 55 55 55 34 29 64 64 64 64 50
    50 69 32 75 87 41 64 81 64 82 83 34 68 69 56 68 63 69 75 79 29 66 68 86 75 63 79 75 60 64 63 61 61
    79 69 79 76 29 61 66 54 63 34 58 66 64 59 61 54 54 63 61 34 59 59 64 56 56 61 60 63 59 63 60 58 66
    58 66 84 34 58 61 58 84 66 61 62 70 84 70 66 84 66 79 61 65 59 58 46 66 66 87 63 93 84 76 66 79 61
    69 61 77 62 70 61 61 54 66 63 55 28 79 62 62 60 63 70 86 65 63 70 70 70 63 63 79 61 70 63 29 29 29
    109 104 79 71 75 61 75 68 69 69 61 78 63 108 64 75 75 71 75 86 75 79 75 60 70 61 61 86 69 78 69 107
    109 83 88 69 70 108 69 61 62 59 53 69 62 90 53 65 65 60 64 75 65 61 65 63 55 58 59 85 59 68 59 92
    94 71 79 59 55 84 60 62 62 62 53 55 52 28 28 28 90 90 65 60 65 59 65 93 84 77 67 94 75 88 78 116
    100 79 61 103 82 64 54 86 88 79 61 78 67 78 67 99 90 95 76 118 103 93 84 70 55 50 0 0 0 0 0 0 0 77
    68 69 59 60 63 61 53 67 59 62 53 108 90 64 53 71 60 71 60 71 60 86 83 75 66 101 88 108 92 88 69 70
    55 61 58 61 59 61 59 69 59 93 81 69 59 69 59 69 63 94 73 94 73 29 108 90 66 60 78 67 75 66 78 68 69
    59 89 77 28 68 61 68 61 97 98 63 62 79 62 79 62 108 90 64 53 67 58 75 65 75 65 79 61 79 61 79 61 70
    55 61 59 61 59 61 59 69 59 61 53 88 79 67 59 69 59 69 59 69 59 101 90 97 87 68 59 107 96 111 97 77
    66 77 71 61 54 75 64 117 99 89 86 103 99 79 63 99 82 71 60 108 91 108 91 79 68 64 64 64 64 64 64 64
    64 64 64
    """,
    # Punctuation: dashes, quotes, bullets.
    0x2010: """
    36 36 64 50 100 100 50 50 32 32 32 32 52 52 52 52 50 50 59 59 33 67 100 32 0 0 0 0 0 0 0 20 134 174
    23 37 52 23 37 52 34 40 40 84 49 53 50 80 80 25 100 50 17 39 39 92 73 73 50 64 50 50 50 34 80 50 45
    100 80 84 59 66 84 84 32 80 84 32 32
    """,
}
_ADVANCES: Mapping[int, int] = {
    start + place: int(advance)
    for start, table in _TABLES.items()
    for place, advance in enumerate(table.split())
}
_WIDE, _EMOJI, _SYMBOL, _OTHER = 100, 125, 84, 64
_FIRST_EMOJI = 0x1F000
# Between two pictures it makes one of them.
_JOINER = "\u200d"
_REGIONAL = range(0x1F1E6, 0x1F200)
_SKINS = range(0x1F3FB, 0x1F400)


def text_width(text: str, size: float) -> float:
    """How wide `text` is drawn in a font of `size`, in the units of that; for what our font has not, roughly."""
    advances = (
        0 if before == _JOINER and unicodedata.category(char) == "So" else _advance(char)
        for before, char in pairwise("\0" + text)
    )
    return sum(advances) * size / 100


def _advance(char: str) -> int:
    """Hundredths of an em."""
    point = ord(char)
    if (found := _ADVANCES.get(point)) is not None:
        return found
    category = unicodedata.category(char)
    if category in ("Mn", "Me", "Cf", "Cc") or point in _SKINS:
        return 0
    if point in _REGIONAL:  # two of them are a flag
        return _EMOJI // 2
    if unicodedata.east_asian_width(char) in ("W", "F"):
        return _EMOJI if point >= _FIRST_EMOJI and category == "So" else _WIDE
    return _SYMBOL if category in ("So", "Sm") else _OTHER
