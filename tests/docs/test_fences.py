"""The commands of a document become a script that fails where the document is wrong."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.fences import PAGES, ROOT, fences, script

DOCUMENT = """\
# Title

```sh
BASE=http://127.0.0.1:8000
KEY=...   # of the answer
echo "$KEY at $BASE"
```

1. In a list:

   ```sh
   cat <<END
   two
   END
   ```

<!-- not run: it would end the world -->
```sh
exit 3
```

<!-- run by tests/docs/test_fences.py -->
```sh
exit 4
```

<!-- like tests/docs/test_links.py: it would be a link -->
```sh
exit 5
```

```json
{"exit": 6}
```
"""
_LANGUAGES = {
    *("sh", "text", "json", "ini", "crontab", "yaml", "python", "js", "sql", "http", "caddyfile", "nginx"),
    *("toml", "dockerfile", "jq", "diff", "html", "markdown", "procfile", "env", "xml", "csv"),
}


def run(document: str, folder: Path, **given: str) -> "subprocess.CompletedProcess[str]":
    page = folder / "page.md"
    page.write_text(script(document, {"http://127.0.0.1:8000": "http://there"}))
    environment = {"PATH": "/usr/bin:/bin", **given}
    return subprocess.run(
        ["bash", str(page)], env=environment, capture_output=True, text=True, timeout=20, check=False
    )


def test_fences_are_run_in_order_with_what_is_given(tmp_path: Path) -> None:
    done = run(DOCUMENT, tmp_path, KEY="secret")
    assert (done.returncode, done.stdout, done.stderr) == (0, "secret at http://there\ntwo\n", "")


def test_a_placeholder_that_nobody_fills_fails_and_names_its_line(tmp_path: Path) -> None:
    done = run(DOCUMENT, tmp_path)
    assert done.returncode != 0
    assert "page.md: line 5: KEY: nobody has said what it is" in done.stderr


@pytest.mark.parametrize(
    "command", ["false", "cat nothing | wc -l >/dev/null; false", 'echo "$UNSET"', "no-such-program"]
)
def test_a_command_that_fails_ends_it_and_its_line_is_named(tmp_path: Path, command: str) -> None:
    done = run(DOCUMENT.replace('echo "$KEY at $BASE"', command), tmp_path, KEY="secret")
    assert done.returncode != 0
    assert "page.md:6: this failed" in done.stderr or "page.md: line 6:" in done.stderr
    assert "two" not in done.stdout


def test_what_says_why_or_by_what_is_not_run() -> None:
    found = fences(DOCUMENT)
    assert [fence.is_run for fence in found] == [True, True, False, False, False, False]
    assert found[2].not_run == "it would end the world"
    assert found[3].run_by == "tests/docs/test_fences.py"
    assert fences(DOCUMENT, run_by="tests/docs/test_fences.py") == [found[3]]
    assert found[4].like == "tests/docs/test_links.py: it would be a link"
    assert script("# Title\n\n```json\n{}\n```\n", {}) == ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_fence_says_what_it_is_and_why_it_is_not_run(page: Path) -> None:
    wrong = []
    for fence in fences(page.read_text()):
        where = f"{page.relative_to(ROOT)}:{fence.line - 1}"
        if fence.language not in _LANGUAGES:
            wrong.append(f"{where}: names no language that is known: {fence.language!r}")
        if fence.not_run and fence.language != "sh":
            wrong.append(f"{where}: only what is typed into a shell is run")
        if fence.not_run and len(fence.not_run.split()) < 3:
            wrong.append(f"{where}: says not why it is not run")
        if fence.run_by and not _reads(fence.run_by, page):
            wrong.append(
                f"{where}: {fence.run_by} does not run what it reads there; say `like` where it does the same"
            )
        test, _, why = fence.like.partition(": ")
        if fence.like and not (ROOT / test).is_file():
            wrong.append(f"{where}: {test} is not there")
        if fence.like and len(why.split()) < 3:
            wrong.append(f"{where}: says not why {test} does not read it")
    assert wrong == []


def _reads(test: str, page: Path) -> bool:
    """Whether a test, or what it takes from other files of the tests, asks for its fences and names the page."""
    if not (ROOT / test).is_file():
        return False
    text = (ROOT / test).read_text()
    helpers = re.findall(r"^from (tests\.[\w.]+) import", text, re.MULTILINE)
    files = [ROOT / test, *(ROOT / f"{helper.replace('.', '/')}.py" for helper in helpers)]
    texts = [file.read_text() for file in files if file.is_file()]
    return any(f'run_by="{test}"' in text and page.name in text for text in texts)


def test_a_test_that_does_not_read_the_page_does_not_run_it() -> None:
    guide, test = ROOT / "docs/deploy-compose.md", "tests/deploy/test_compose_file.py"
    assert _reads(test, guide)
    assert not _reads(test, ROOT / "docs/upgrade.md")
    assert not _reads("tests/deploy/test_caddyfile.py", guide)
    assert not _reads("tests/deploy", guide)
