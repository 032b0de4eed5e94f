"""Finds the files that are not Python: templates, static files, Lua and docs, in a checkout and in a wheel.

In a checkout they lie at the top level, beside the package. A wheel carries them inside it, under `ttr/_data`.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_PACKAGED = _PACKAGE / "_data"
ROOT = _PACKAGED if _PACKAGED.is_dir() else _PACKAGE.parent

TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
LUA = ROOT / "scripts" / "lua"
DOCS = ROOT / "docs"
