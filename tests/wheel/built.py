"""The package as it is published: an sdist of the checkout, a wheel of that sdist, an environment with the wheel."""

import site
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, ignore_patterns

ROOT = Path(__file__).parents[2]
_IGNORED = [line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines() if line[:1] != "#"]
_NOT_OURS = ignore_patterns(".git", *_IGNORED)
# In the environment's site-packages: writes down each file of the checkout that any of its processes opens. The
# packages that ttr needs are taken from there, for to install them again takes a minute.
_WITNESS = """
import os, sys
LOG, CHECKOUT, ALLOWED = {log!r}, {checkout!r}, {allowed!r}
def witness(event, arguments):
    if event != "open" or not isinstance(arguments[0], (str, bytes)):
        return
    path = os.path.realpath(os.fsdecode(arguments[0]))
    if path.startswith(CHECKOUT) and not path.startswith(ALLOWED):
        log = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(log, (path + chr(10)).encode())
        os.close(log)
sys.addaudithook(witness)
"""


@dataclass(frozen=True)
class Built:
    """What was made, and of which files."""

    source: Path
    sdist: Path
    wheel: Path
    tracked: Mapping[str, bytes]
    """The files of the source, by their paths; without what was planted there."""

    def in_sdist(self) -> dict[str, bytes]:
        """Its files, without the folder that all of them are in."""
        with tarfile.open(self.sdist) as archive:
            files = [
                (one.name.partition("/")[2], archive.extractfile(one)) for one in archive if one.isfile()
            ]
            return {name: data.read() for name, data in files if data}

    def in_wheel(self) -> dict[str, bytes]:
        """Its files."""
        with zipfile.ZipFile(self.wheel) as archive:
            return {name: archive.read(name) for name in archive.namelist()}


def copy_checkout(folder: Path) -> None:
    """Make the folder, with the files of the checkout as somebody has them who has fetched it."""
    copytree(ROOT, folder, ignore=_NOT_OURS)


def build(folder: Path) -> Built:
    """Build both of a copy of the checkout in which lies what editors, systems and earlier builds leave."""
    source = folder / "source"
    copy_checkout(source)
    tracked = {
        path.relative_to(source).as_posix(): path.read_bytes() for path in source.rglob("*") if path.is_file()
    }
    for left in LEFT_BEHIND:
        (source / left).parent.mkdir(parents=True, exist_ok=True)
        (source / left).write_text("left behind")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", source],
        check=True,
        capture_output=True,
        text=True,
        timeout=100,
    )
    (sdist,), (wheel,) = (folder / "dist").glob("*.tar.gz"), (folder / "dist").glob("*.whl")
    return Built(source, sdist, wheel, tracked)


LEFT_BEHIND = (
    ".DS_Store",
    ".env",
    ".ttr/secret_key",
    ".venv/pyvenv.cfg",
    "build/lib/ttr/_data/templates/old.html",
    "build/lib/ttr/old.py",
    "docs/.hidden.md.swp",
    "docs/images/.DS_Store",
    "scripts/lua/ping.lua~",
    "static/.DS_Store",
    "templates/recipes/__pycache__/urllib.cpython-311.pyc",
    "tests/__pycache__/conftest.cpython-311.pyc",
)


@dataclass(frozen=True)
class Installed:
    """An environment with nothing of ttr but the wheel."""

    folder: Path

    @property
    def programs(self) -> Path:
        """Where its `python` and `ttr` are."""
        return self.folder / "bin"

    @property
    def packages(self) -> Path:
        """Its site-packages."""
        return Path(sysconfig.get_path("purelib", "venv", {"base": str(self.folder)}))

    def opened(self) -> list[str]:
        """The files of the checkout that its processes have opened, which must be none."""
        log = self.folder / "opened"
        return sorted(set(log.read_text().splitlines())) if log.exists() else []


def install(wheel: Path, folder: Path) -> Installed:
    """Make an environment in `folder` and install the wheel there by pip."""
    venv.create(folder, with_pip=False)
    installed = Installed(folder)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        installed.programs / "python",
        "--disable-pip-version-check",
    ]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-index", "--no-deps", wheel],
        check=True,
        capture_output=True,
        text=True,
        timeout=100,
    )
    # A .pth adds a folder, and not what the .pth files in it say: not the checkout, which is one of them.
    dependencies = site.getsitepackages()
    (installed.packages / "dependencies.pth").write_text("\n".join(dependencies))
    (installed.packages / "sitecustomize.py").write_text(
        _WITNESS.format(
            log=str(folder / "opened"),
            checkout=f"{ROOT}/",
            allowed=tuple(map(str, (sys.prefix, *dependencies))),
        )
    )
    return installed
