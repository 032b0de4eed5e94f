"""What is in the sdist and in the wheel: all that is needed, and nothing beside it."""

import re
from email import message_from_bytes

import pytest

from tests.wheel.built import LEFT_BEHIND, Built
from ttr import __version__

_DATA = ("templates/", "static/", "scripts/lua/", "docs/")
_MODULES = re.compile(r"(ttr|rq_jobs)/.+\.py")
_MADE = {"PKG-INFO", "setup.cfg"}
_FILE_MOST = 300_000
_WHEEL_MOST = 3_000_000


@pytest.mark.parametrize(
    "name",
    [
        "ttr/_data/templates/base.html",
        "ttr/_data/templates/recipes/curl.sh",
        "ttr/_data/templates/channels/email.html",
        "ttr/_data/static/vendor/htmx-4.0.1.min.js",
        "ttr/_data/static/fonts/vt323.woff2",
        "ttr/_data/static/icons/icons.svg",
        "ttr/_data/scripts/lua/ping.lua",
        "ttr/_data/scripts/lua/includes/keys.lua",
        "ttr/_data/docs/operations.md",
        "ttr/_data/docs/decisions/0001-redis-is-the-database.md",
        "ttr/_data/docs/images/dashboard.png",
        "ttr/_data/docs/prometheus/rules.yml",
        "ttr/_data/Procfile",
        "ttr/archive/migrations/versions/r0001_archive.py",
        "rq_jobs/deliver.py",
    ],
)
def test_the_wheel_has_what_runs(built: Built, name: str) -> None:
    assert name in built.in_wheel()


def test_the_wheel_has_each_file_of_the_checkout_that_belongs_into_it_and_no_other(built: Built) -> None:
    expected = {
        f"ttr/_data/{name}": data
        for name, data in built.tracked.items()
        if name.startswith(_DATA) or name == "Procfile"
    }
    expected |= {name: data for name, data in built.tracked.items() if _MODULES.fullmatch(name)}
    packed = built.in_wheel()
    about = f"ttr-{__version__}.dist-info/"
    ours = {name: data for name, data in packed.items() if not name.startswith(about)}
    assert ours.keys() ^ expected.keys() == set()
    assert [name for name in ours if ours[name] != expected[name]] == []


def test_the_wheel_says_what_it_is_and_brings_the_licences(built: Built) -> None:
    packed = built.in_wheel()
    about = f"ttr-{__version__}.dist-info"
    told = message_from_bytes(packed[f"{about}/METADATA"])
    assert (told["Name"], told["Version"], told["Requires-Python"]) == ("ttr", __version__, ">=3.11")
    assert told["License-Expression"] == "MIT AND 0BSD AND OFL-1.1 AND Apache-2.0"
    licences = {name for name in built.tracked if name == "LICENSE" or name.endswith("-LICENSE.txt")}
    assert len(licences) == 7
    assert set(told.get_all("License-File", [])) == licences
    assert {f"{about}/licenses/{name}" for name in licences} <= packed.keys()
    assert b"ttr = ttr.cli:main" in packed[f"{about}/entry_points.txt"]
    assert packed[f"{about}/top_level.txt"].split() == [b"rq_jobs", b"ttr"]


def test_the_sdist_has_the_whole_checkout_and_nothing_that_was_left_there(built: Built) -> None:
    packed = {name: data for name, data in built.in_sdist().items() if not name.startswith("ttr.egg-info/")}
    assert packed.keys() - _MADE == built.tracked.keys()
    assert [name for name, data in packed.items() if built.tracked.get(name, data) != data] == []


def test_neither_has_what_was_left_behind(built: Built) -> None:
    assert not {name for name in built.in_sdist() if name in LEFT_BEHIND}
    assert not {name for name, data in built.in_wheel().items() if data == b"left behind"}


def test_the_wheel_is_no_larger_than_it_must_be(built: Built) -> None:
    assert built.wheel.stat().st_size < _WHEEL_MOST
    assert [name for name, data in built.in_wheel().items() if len(data) > _FILE_MOST] == []
