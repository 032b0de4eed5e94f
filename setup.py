"""What pyproject.toml can't say: files of the top level go into the package, as `ttr/_data` (`ttr/paths.py`)."""

from pathlib import Path
from shutil import copy2, rmtree

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
FOLDERS = ("templates", "static", "scripts/lua", "docs")
FILES = ("Procfile",)


def data_files() -> list[Path]:
    """Each of them, relative to the top level; what editors, systems and Python leave there is none of them."""
    found = [
        path.relative_to(ROOT) for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()
    ]
    return sorted([*filter(_is_ours, found), *map(Path, FILES)])


def _is_ours(path: Path) -> bool:
    return not any(part.startswith((".", "__")) or part.endswith("~") for part in path.parts)


class BuildWithData(build_py):
    """Copies the data beside the modules, unless the package is used from here (`pip install -e`)."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        packed = Path(self.build_lib) / "ttr" / "_data"
        rmtree(packed, ignore_errors=True)  # of an earlier build, which may have had other files
        for path in data_files():
            (packed / path).parent.mkdir(parents=True, exist_ok=True)
            copy2(ROOT / path, packed / path)


setup(cmdclass={"build_py": BuildWithData})
