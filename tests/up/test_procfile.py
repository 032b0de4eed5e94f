"""The Procfile is read as everyone reads it, and its mistakes are named."""

from pathlib import Path

import pytest

from ttr.paths import ROOT
from ttr.up.procfile import BUILT_IN, Process, Procfile, parse, read_procfile
from ttr.up.refusal import Refusal


def test_processes_come_in_order_without_comments_and_release_apart() -> None:
    text = "# what runs\nrelease: ttr migrate\nweb: exec ttr web\n\nworker: FOO=1 exec ttr worker --x 'a b'\n"
    assert parse(text) == Procfile(
        (Process("web", "exec ttr web"), Process("worker", "FOO=1 exec ttr worker --x 'a b'")),
        release=Process("release", "ttr migrate"),
    )
    assert parse("web: a\n").release is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("web exec ttr web\n", "not `name: command`: web exec ttr web"),
        ("web: a\nweb: b\n", "names web twice"),
        ("# nothing\n", "names no process"),
        ("release: a\n", "names no process"),
    ],
)
def test_mistakes_are_refused_with_their_line(text: str, complaint: str) -> None:
    with pytest.raises(Refusal, match=complaint):
        parse(text)


def test_the_built_in_processes_are_those_of_the_procfile(tmp_path: Path) -> None:
    text = (ROOT / "Procfile").read_text()
    assert read_procfile() == parse(text)
    # Where the program is not installed it is run from its folder; where `ttr up` runs it, HOST is set.
    text = text.replace("python3 -m ttr", "ttr").replace(' --host "${HOST:-0.0.0.0}"', "")
    assert parse(text) == parse(BUILT_IN) == read_procfile(tmp_path / "none")


def test_every_command_replaces_its_shell_so_that_signals_reach_it() -> None:
    assert all(process.command.startswith("exec ") for process in read_procfile().processes)


def test_a_process_can_be_left_out() -> None:
    procfile = parse("release: r\nweb: a\nbot: b\n")
    assert procfile.without("bot") == parse("release: r\nweb: a\n")
    assert procfile.without("worker") == procfile
