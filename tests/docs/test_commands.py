"""What the documents tell to type works: the commands of each, in their order, against the running product."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.fences import PAGES, ROOT, script
from tests.journeys.client import Account, call, sign_up
from tests.journeys.receiver import Answer, Receiver
from tests.journeys.stack import Stack, environment

# `.ci/run` installs them.
pytestmark = pytest.mark.skipif(
    any(shutil.which(program) is None for program in ("bash", "curl", "jq")),
    reason="bash, curl or jq is not installed",
)

BASE = "http://127.0.0.1:8000"
HOOK = "https://example.com/hook"
"""Of a receiver that documents talk of."""
PASSWORD = "correct horse battery staple"
TOKEN = "a-token-of-the-documents"
_SECONDS = 90
_TOLD = Answer(200, {"Content-Type": "application/json"}, body=b'{"ok":true,"result":{"message_id":1}}')
_CURL = """#!/bin/sh
# An answer that refuses is a failure, which curl alone does not say; nor does it end when nobody answers.
for word; do
  case $word in -f* | -[a-zA-Z]*f* | --fail*) exec {curl} --max-time 20 "$@" ;; esac
done
exec {curl} --max-time 20 --fail-with-body "$@"
"""
_TTR = '#!/bin/sh\nexec {python} -m ttr "$@"\n'


@dataclass(frozen=True, slots=True)
class House:
    """The running product, a folder with the programs that documents use, and what their texts become here."""

    stack: Stack
    programs: Path
    instead: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """Of whoever runs it: `ttr` finds its Redis, and `curl` says when it was refused."""
        path = f"{self.programs}:{os.environ['PATH']}"
        return environment(**self.stack.settings(), PATH=path, PASSWORD=PASSWORD, METRICS_TOKEN=TOKEN)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One for all documents, with an admin; each document has an account of its own."""
    with Receiver() as receiver, Stack(METRICS_TOKEN=TOKEN, TELEGRAM_API_URL=receiver.url("")) as stack:
        receiver.answer("/bot1234:abcd/sendMessage", *[_TOLD] * 50)
        programs = stack.folder / "bin"
        programs.mkdir()
        for name, text in (
            ("curl", _CURL.format(curl=shutil.which("curl"))),
            ("ttr", _TTR.format(python=sys.executable)),
        ):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        instead = {BASE: f"http://127.0.0.1:{stack.port}", HOOK: receiver.url("/hook")}
        house = House(stack, programs, instead)
        made = subprocess.run(
            [str(programs / "ttr"), "admin", "create", "--username", "ops", "--password-stdin"],
            env=house.environment,
            input=PASSWORD,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        yield house


def _given(house: House, account: Account) -> dict[str, str]:
    """What a reader has by now: the address, an account with a check and a channel, and their names."""
    account.add("first", interval_seconds=3_600, grace_seconds=600)
    channel = account.api("POST", "/channels", kind="webhook", name="Hook", webhook_url=house.instead[HOOK])
    return {
        "BASE": house.instead[BASE],
        "AUTH_KEY": account.auth_key,
        "USER_SLUG": account.user_slug,
        "PUBLIC_SLUG": account.api("GET", "/user/me")["public_slug"],
        "CHANNEL_ID": str(channel["id"]),
    }


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if script(page.read_text(), {})],
    ids=lambda page: str(page.relative_to(ROOT)),
)
def test_what_a_document_tells_to_type_works(house: House, page: Path, tmp_path: Path) -> None:
    name = str(page.relative_to(ROOT))
    commands = tmp_path / "script" / name
    commands.parent.mkdir(parents=True)
    commands.write_text(script(page.read_text(), house.instead))
    folder = tmp_path / "folder"
    # As somebody has it who runs it from a checkout.
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/ttr").symlink_to(house.programs / "ttr")
    account = sign_up(house.stack.port)
    process = subprocess.Popen(
        ["bash", str(commands)],
        cwd=folder,
        env={**house.environment, **_given(house, account)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=_SECONDS)
        status: object = process.returncode
    except subprocess.TimeoutExpired:
        status, output = f"none within {_SECONDS} s", ""
    finally:
        # What it has left in the background, and itself when it hangs.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
    assert status == 0, f"{name}: exit status {status}\n{output.replace(str(commands), name)}"
    left = [path for path in folder.iterdir() if path.is_file()]
    open_to_others = [
        path.name for path in left if b'"auth_key"' in path.read_bytes() and path.stat().st_mode & 0o077
    ]
    assert open_to_others == [], "whoever else is on the machine can read these keys"


def test_an_answer_that_refuses_is_a_failure_here(house: House) -> None:
    address = f"{house.instead[BASE]}/api/v1/checks"
    for options in (["-s"], ["-fsS"], ["-s", "-o", "/dev/null"]):
        done = subprocess.run(
            ["curl", *options, address], env=house.environment, capture_output=True, check=False
        )
        assert done.returncode == 22, options
    assert call(house.stack.port, "GET", "/health")[0] == 200
