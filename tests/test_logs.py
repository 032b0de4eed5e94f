"""Lines of every logger in both forms: one line each, bounded, without secrets, whatever is logged."""

import io
import json
import logging
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ttr import logs
from ttr.logs import FIELDS_MOST, LINE_MOST, TEXT_MOST, get_logger
from ttr.settings import Settings

HOSTILE = (
    "x\"\r\n2026-01-01T00:00:00.000Z [critical] forged\x1b]0;t\x07\x1b[31m\u202e\u2028\x85\x9b\x00\\ ' ="
)
PASSWORD = "S3cret,pass-word"

Said = Callable[..., str]


@pytest.fixture(params=["console", "json"])
def said(request: pytest.FixtureRequest) -> Iterator[Said]:
    """Logs one record, and gives what stands in the output for it."""
    logger, stream = logging.getLogger("ttr.tested"), io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter(as_json=request.param == "json"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)

    def say(event: str, *args: object, level: str = "info", **fields: Any) -> str:
        stream.seek(0)
        stream.truncate()
        getattr(get_logger("ttr.tested"), level)(event, *args, **fields)
        return stream.getvalue()

    yield say
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def lines_of(text: str) -> list[str]:
    """As any reader would count them."""
    return text.rstrip("\n").splitlines()


def test_a_line_has_an_event_and_fields(said: Said) -> None:
    line = said("check down", account=5, name="Nightly backup", ms=1.5, none=None)
    if line.startswith("{"):
        read = json.loads(line)
        assert read.pop("timestamp").endswith("Z")
        assert read == {
            "level": "info",
            "logger": "ttr.tested",
            "event": "check down",
            "account": 5,
            "name": "Nightly backup",
            "ms": 1.5,
            "none": None,
        }
    else:
        assert line.rstrip().endswith(
            "Z [info] check down [ttr.tested] account=5 name='Nightly backup' ms=1.5"
        )


def test_nothing_in_a_field_or_an_event_ends_the_line_or_moves_a_terminal(said: Said) -> None:
    for line in (
        said(HOSTILE),
        said("x", a=HOSTILE),
        said("x", a={HOSTILE: [HOSTILE]}),
        said("x %s", HOSTILE),
        said("x", **{HOSTILE: HOSTILE}),
    ):
        (only,) = lines_of(line)
        assert only.isprintable()


def test_an_exception_is_one_line_for_machines_and_set_in_for_people(said: Said) -> None:
    try:
        raise RuntimeError(HOSTILE)
    except RuntimeError:
        text = said("it failed", level="exception", check=7)
    first, *rest = lines_of(text)
    assert all(line.isprintable() for line in (first, *rest))
    if first.startswith("{"):
        assert not rest
        assert HOSTILE in json.loads(first)["exception"]
    else:
        assert rest
        assert all(line.startswith("    | ") for line in rest)
    assert "RuntimeError" in text


def test_what_cannot_be_written_becomes_text(said: Said) -> None:
    class Broken:
        def __str__(self) -> str:
            raise ValueError("secret")

    loop: list[Any] = []
    loop.append(loop)
    line = said("x", a=Broken(), b=loop, c=float("nan"), d="\ud800", e=b"\x00\xff", f=10**400, g=object)
    assert "<Broken: ValueError>" in line
    if line.startswith("{"):
        assert json.loads(line)["c"] == "nan"


@pytest.mark.parametrize("length", [TEXT_MOST - 1, TEXT_MOST, TEXT_MOST + 1, 500_000])
def test_a_text_is_cut(said: Said, length: int) -> None:
    line = said("x", a="e" * length)
    assert line.count("e" * min(length, TEXT_MOST)) == (1 if length <= TEXT_MOST else 0)
    assert "e" * (TEXT_MOST - 1) in line


@pytest.mark.parametrize("filling", ["e", "\U0001f600", "\x1b", "\u202e", "\n"])
def test_a_line_is_bounded_whatever_is_in_it(said: Said, filling: str) -> None:
    try:
        raise RuntimeError(filling * 100_000)
    except RuntimeError:
        text = said(filling * 9_000, level="exception", **{f"f{n}": filling * 9_000 for n in range(100)})
    assert len(text.encode()) <= 2 * LINE_MOST
    assert text.count("\n") <= 1 + 12_003
    if text.startswith("{"):
        assert len(text) <= LINE_MOST + 1
        assert len(json.loads(text)) <= FIELDS_MOST


def test_a_secret_is_masked_wherever_it_stands(said: Said) -> None:
    secret = "redis://:" + PASSWORD + "@cache"
    try:
        raise RuntimeError(secret)
    except RuntimeError as error:
        for line in (
            said(secret),
            said("x %s", secret),
            said("x", a=secret),
            said("x", a={"b": [secret]}),
            said("x", a=error),
            said("x", level="exception"),
            said("x", password=PASSWORD),
            said("x", a={"password": PASSWORD}),
            said("x", a="e" * (TEXT_MOST - 15) + secret),
            said("x", redis_url=secret),
        ):
            assert PASSWORD not in line
            assert "S3cret" not in line


def test_a_field_may_have_the_name_of_a_records_own(said: Said) -> None:
    assert "'a b'" in said("x", name="a b", args="a b", message="a b", module="a b").replace('"', "'")


def test_every_setting_that_holds_a_secret_is_known_to_the_letter() -> None:
    settings = Settings(
        secret_key="secret-key-0",
        encryption_key="first-key-1,second-key-2",
        redis_url="redis://:redis-pass-3@h",
        database_url="postgresql://u:post-pass-4@h/d",
        smtp_password="smtp-pass-5",
        telegram_bot_token="1234:" + "a" * 30,
    )
    known = logs._secrets_of(settings)
    assert {
        "secret-key-0",
        "first-key-1",
        "second-key-2",
        "redis-pass-3",
        "post-pass-4",
        "smtp-pass-5",
    } <= known
    assert "1234:" + "a" * 30 in known


def run(program: str, form: str = "console", **env: str) -> str:
    """What a process that set up its log has written, on both outputs."""
    begin = f"""
        import asyncio, logging, sys, threading, warnings
        from ttr import logs
        from ttr.settings import Settings
        logs.set_up(Settings(log_format={form!r}, smtp_password={PASSWORD!r}), "web")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(begin) + textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": "", **env},
        timeout=60,
        check=False,
    )
    return done.stdout.decode()


PROGRAM = f"""
    logging.getLogger("hypercorn.error").error("server says {PASSWORD}")
    logging.getLogger("hypercorn.error").info("not told")
    logging.getLogger("rq.worker").warning("queue says %s", "{PASSWORD}")
    logging.getLogger("ttr.new").info("number %d of %s", 5, "{PASSWORD}")
    logging.getLogger("ttr.new").info("number %d", "{PASSWORD}")
    logging.getLogger("ttr.new").debug("not told")
    warnings.warn("doubt of {PASSWORD}")
    async def failing(): raise RuntimeError("task with {PASSWORD}")
    async def main():
        task = asyncio.create_task(failing())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task
    asyncio.run(main())
    def thread(): raise RuntimeError("thread with {PASSWORD}")
    t = threading.Thread(target=thread); t.start(); t.join()
    raise ValueError("end with {PASSWORD}")
"""


def test_lines_of_libraries_warnings_and_ends_have_the_same_form() -> None:
    text = run(PROGRAM, "json")
    assert PASSWORD not in text
    assert "not told" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert all(line["process"] == "web" and line["pid"] for line in lines)
    assert [line["logger"] for line in lines] == [
        "hypercorn.error",
        "rq.worker",
        "ttr.new",
        "ttr.new",
        "py.warnings",
        "asyncio",
        "ttr.logs",
        "ttr.logs",
    ]
    assert lines[2]["event"] == "number 5 of ***"
    assert lines[3]["event"] == "a line can't be made"
    assert lines[4]["event"] == "doubt of ***"
    assert "RuntimeError: task with ***" in lines[5]["exception"]
    assert "ValueError: end with ***" in lines[7]["exception"]
    text = run(PROGRAM)
    assert PASSWORD not in text
    assert len([line for line in text.splitlines() if not line.startswith("    | ")]) == len(lines)


@pytest.mark.parametrize(
    ("env", "colours"),
    [({}, False), ({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)],
)
def test_a_pipe_gets_colours_only_when_it_is_said(env: dict[str, str], colours: bool) -> None:
    assert ("\x1b[" in run("logging.getLogger('ttr').info('x')", **env)) is colours
    assert "\x1b[" not in run("logging.getLogger('ttr').info('x')", "json", **env)


def test_output_that_knows_ascii_alone_takes_every_line() -> None:
    text = run("logging.getLogger('ttr').info('caf\\u00e9 %s', 'x')", PYTHONIOENCODING="ascii")
    assert "caf\\xe9 x" in text


@pytest.mark.parametrize(
    ("given", "env", "as_json"),
    [
        ("auto", "development", False),
        ("auto", "production", True),
        ("console", "production", False),
        ("json", "development", True),
    ],
)
def test_the_form_follows_the_setting(given: Any, env: Any, as_json: bool) -> None:
    assert Settings(log_format=given, ttr_env=env).logs_json is as_json
