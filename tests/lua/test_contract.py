"""What every command file promises: a header that is true, no surprises inside, key names from one place."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from redis.exceptions import ResponseError

from ttr.domain.gaps import BLIND_AFTER_MS
from ttr.paths import LUA, ROOT
from ttr.store import keys
from ttr.store.redis import Store
from ttr.store.scripts import assemble, command_names

COMMANDS = command_names()
INCLUDES = sorted(path.stem for path in (LUA / "includes").glob("*.lua"))
WRITES = re.compile(
    r'redis\.call\("(?:Z(?:ADD|REM)|H(?:SET|DEL|INCRBY)|S(?:ADD|REM|ET)|[LR](?:PUSH|POP)|LTRIM|X(?:ADD|DEL)'
    r'|DEL|UNLINK|P?EXPIRE|INCR|DECR)"'
)


def source(name: str) -> str:
    """A command's own file."""
    return (LUA / f"{name}.lua").read_text()


def include(name: str) -> str:
    """An include's file."""
    return (LUA / "includes" / f"{name}.lua").read_text()


def header(name: str) -> list[str]:
    """The comment lines at the top, without their dashes."""
    lines = source(name).splitlines()[1:]
    end = next(i for i, line in enumerate(lines) if not line.startswith("-- "))
    return [line.removeprefix("-- ") for line in lines[:end]]


def code(text: str) -> str:
    """A file without comments."""
    return re.sub(r"--.*", "", text.removeprefix("#!lua"))


def included(name: str) -> list[str]:
    """What a command includes, in order."""
    lines = re.findall(r"^---@include (.+)$", source(name), re.MULTILINE)
    assert len(lines) <= 1, "the loader puts in one line of includes"
    return " ".join(lines).split()


def defined(text: str) -> set[str]:
    """The names of a file's local functions and constants at the top level."""
    return set(re.findall(r"^local (?:function )?(\w+)", text, re.MULTILINE))


def used(text: str) -> set[str]:
    """Every word of a file's code, strings left out."""
    return set(re.findall(r"\b[A-Za-z_]\w*\b", re.sub(r'"[^"]*"', "", code(text))))


def test_there_are_commands() -> None:
    assert len(COMMANDS) > 10
    assert len(INCLUDES) > 10


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_its_name_its_keys_and_what_it_returns(name: str) -> None:
    assert re.fullmatch(r"#!lua( flags=no-writes)?", source(name).splitlines()[0])
    assert header(name)[0].startswith(f"{name}: ")
    assert any(line.startswith("KEYS[1] ") for line in header(name))
    assert any(line.startswith("returns ") for line in header(name))


def test_what_only_a_migration_runs_says_that_it_never_changes() -> None:
    """And nothing else: what others run as well changes with them."""
    of_migrations, others = "", ""
    for path in (ROOT / "ttr").rglob("*.py"):
        if re.fullmatch(r"r\d{4}_\w+", path.stem):
            of_migrations += path.read_text()
        else:
            others += path.read_text()
    run_there = {name for name in COMMANDS if f'"{name}"' in of_migrations}
    assert run_there
    frozen = {name for name in COMMANDS if any(line.startswith("Frozen: ") for line in header(name))}
    assert frozen == run_there
    assert [name for name in frozen if f'"{name}"' in others] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_a_header_lists_the_arguments_that_are_used(name: str) -> None:
    lines = [line for line in header(name) if line.startswith("ARGV[")]
    listed = [int(n) for line in lines for n in re.findall(r"\[(\d+)(?:\.\.\.)?\]", line)]
    rest = [int(n) for line in lines for n in re.findall(r"\[(\d+)\.\.\.\]", line)]
    body = code(source(name))
    taken = [
        int(n)
        for n in re.findall(
            r"write_settings\(prefix, check, ARGV, (\d+)\)|unpack\(ARGV, (\d+)\)|for place = (\d+), 6", body
        )
        for n in n
        if n
    ]
    assert listed == list(range(1, len(listed) + 1))
    assert rest == taken
    assert {int(n) for n in re.findall(r"ARGV\[(\d+)\]", body)} | set(taken) == set(listed)
    assert set(re.findall(r"KEYS\[(\d+)\]", body)) == {"1"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_includes_what_it_needs_in_order_and_nothing_else(name: str) -> None:
    parts = included(name)
    assert len(set(parts)) == len(parts)
    known = {function: part for part in INCLUDES for function in defined(include(part))}
    for position, part in enumerate(parts):
        needs = {known[word] for word in used(include(part)) if word in known} - {part}
        assert needs <= set(parts[:position]), f"{part} needs {needs}"
    needed = {known[word] for word in used(source(name)) if word in known}
    for part in reversed(parts):
        if part in needed:
            needed |= {known[word] for word in used(include(part)) if word in known}
    assert needed == set(parts)


@pytest.mark.parametrize("name", INCLUDES)
def test_an_include_holds_only_local_functions_and_constants(name: str) -> None:
    text = include(name)
    assert text.startswith(f"-- {name}: ")
    for line in code(text).splitlines():
        if line and not line.startswith((" ", "}")) and line != "end":
            # The loops build a constant: the list of a check's fields.
            assert line.startswith("local ") or (name == "state" and line.startswith("for i = 1, #")), line
    assert not re.search(r"\b(?:KEYS|ARGV)\b", code(text))


def test_includes_keep_nothing_from_one_call_to_the_next() -> None:
    """What they define outlives a call. The one thing that is set is set first by each command that has it."""
    texts = {name: re.sub(r"^for .*", "", code(include(name)), flags=re.MULTILINE) for name in INCLUDES}
    texts |= {name: code(source(name)) for name in COMMANDS}
    values = {
        name for part in INCLUDES for name in re.findall(r"^local (\w+) = ", include(part), re.MULTILINE)
    }
    assert {"FIELDS", "origin"} <= values
    kept = {
        value
        for value in values
        for text in texts.values()
        if re.search(
            rf"(?<!local )\b{value}\b(?:\[[^]]*\]|\.\w+)*(?:, [\w.]+)* = |table\.\w+\({value}, \w", text
        )
    }
    assert kept == {"origin"}
    for name in COMMANDS:
        if "event" in included(name):
            before, called, _ = source(name).partition("\nset_origin(ARGV[")
            assert called, name
            assert not re.search(r"\b(?:emit|fail|succeed|settle|read_check|read_pinged)\(", code(before)), (
                name
            )


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_never_writes_says_so_and_no_other_does(name: str) -> None:
    flagged = "no-writes" in source(name).splitlines()[0]
    assert flagged == (WRITES.search(assemble(name)) is None)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name.startswith(("read_", "list_", "find_"))])
async def test_redis_holds_a_reading_command_to_it(store: Store, name: str) -> None:
    script = source(name).splitlines()[0] + '\nreturn redis.call("SET", KEYS[1] .. "x", "1")'
    with pytest.raises(ResponseError, match="read-only"):
        await store.redis.eval(script, 1, keys.prefix(1))


@pytest.mark.parametrize("path", sorted(LUA.rglob("*.lua")), ids=lambda path: path.stem)
def test_no_script_reads_the_clock_draws_lots_or_walks_through_everything(path: Path) -> None:
    calls = re.findall(r'redis\.p?call\(\s*"(\w+)"', path.read_text())
    forbidden = {"TIME", "RANDOMKEY", "SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER", "SPOP", "KEYS", "SCAN"}
    forbidden |= {"HSCAN", "SSCAN", "ZSCAN", "SMEMBERS", "HKEYS", "HVALS", "ZRANGEBYSCORE", "XRANGE", "SORT"}
    if path.stem == "find_checks":
        forbidden.remove("HSCAN")  # its steps and their bytes have a limit
    if path.stem == "overdue":
        forbidden.remove("TIME")  # for how long it has worked, not for what time it is
    if path.stem in ("begin_snapshot", "take_dirty"):
        forbidden -= {"HRANDFIELD", "XRANGE"}  # any so many fields do, and one entry by its id
    assert not forbidden & set(calls)
    assert ("os_library" in path.read_text()) == (path.stem == "overdue")
    assert "math.random" not in path.read_text()
    assert "redis.pcall" not in path.read_text()
    assert len(calls) == len(re.findall(r"redis\.call\b", code(path.read_text())))


@pytest.mark.parametrize("path", sorted(LUA.rglob("*.lua")), ids=lambda path: path.stem)
def test_every_range_has_a_limit(path: Path) -> None:
    text = code(path.read_text())
    if path.stem == "take_dirty":
        return  # it copies what others keep short
    for arguments in re.findall(r'redis\.call\("ZRANGE",(.*)', text):
        by_rank = r" index_key, (\w+), \1( \+ \w+ - 1)?\W.*"  # one, or so many as are wanted
        if path.stem == "list_checks" and re.fullmatch(by_rank, arguments):
            continue
        assert '"LIMIT", 0, ' in arguments or ", 0, 0," in arguments, arguments
    for arguments in re.findall(r'redis\.call\("LRANGE",(.*)', text):
        assert re.search(r", 0, .*\b\d+\)", arguments), arguments
        assert "-1" not in arguments
    if "HGETALL" in text:
        assert path.stem in ("list_checks", "revoke_key", "unlink_telegram"), (
            "one hash of a page that has a limit, or the 20 keys"
        )
    if re.search('"S(?:INTER|UNION)"', text):
        assert path.stem == "list_checks", "sets whose size was looked at before"


@pytest.mark.parametrize("path", sorted(LUA.rglob("*.lua")), ids=lambda path: path.stem)
def test_key_names_are_built_in_one_include(path: Path) -> None:
    text = code(path.read_text())
    if path.stem == "keys":
        return
    assert not re.search(r"(\bprefix|KEYS\[1\]|_key\([^()]*\)|\bkey)\s*\.\.", text)
    for name in re.findall(r'redis\.call\("\w+", (\w+)(?!\w*\()', text):
        if not name.endswith("_key"):
            assert re.search(rf"\b{name} = \w+_key\(|local [^=\n]*\b{name}\b[^=\n]* = .*_key\(", text), name


# Each function of keys.lua, its sample arguments, and the function of keys.py that names the same key.
SAME = {
    "check_key": ((71,), keys.check),
    "log_key": ((71,), keys.ping_log),
    "bodies_key": ((71,), keys.bodies),
    "flips_key": ((71,), keys.flips),
    "days_key": ((71,), keys.days),
    "user_key": ((5,), keys.user),
    "access_keys_key": ((5,), keys.access_keys),
    "key_uses_key": ((5,), keys.key_uses),
    "user_checks_key": ((5,), keys.user_checks),
    "user_slugs_key": ((5,), keys.user_slugs),
    "user_tags_key": ((5,), keys.user_tags),
    "tag_checks_key": ((5, 8), keys.tag_checks),
    "user_channels_key": ((5,), keys.user_channels),
    "page_slugs_key": ((5,), keys.page_slugs),
    "status_page_key": ((9,), keys.status_page),
    "by_name_key": ((5,), keys.by_name),
    "by_uuid_key": ((5,), keys.by_uuid),
    "by_deadline_key": ((5,), keys.by_deadline),
    "by_last_ping_key": ((5,), keys.by_last_ping),
    "by_last_duration_key": ((5,), keys.by_last_duration),
    "by_status_key": ((5,), keys.by_status),
    "by_due_key": ((5,), keys.by_due),
    "running_key": ((5,), keys.running),
    "search_key": ((5,), keys.search),
    "user_defaults_key": ((5,), keys.user_defaults),
    "former_slugs_key": ((5,), keys.former_slugs),
    "user_deliveries_key": ((5,), keys.user_deliveries),
    "check_deliveries_key": ((71,), keys.check_deliveries),
    "channel_key": ((9,), keys.channel),
    "channel_checks_key": ((9,), keys.channel_checks),
    "lane_key": (("5-a0",), keys.lane),
    "lane_queue_key": (("5-a0",), keys.lane_queue),
    "delivery_key": (("7-1-1-c2",), keys.delivery),
    "deadlines_key": ((), keys.deadlines),
    "lanes_key": ((), keys.lanes),
    "reminders_key": ((), keys.reminders),
    "flapping_key": ((), keys.flapping),
    "outbox_key": ((), keys.outbox),
    "delivery_errors_key": ((), keys.delivery_errors),
    "delivery_events_key": (("7-1-1-c2",), keys.delivery_events),
    "user_chore_key": ((5,), keys.user_chore),
    "chores_key": ((), keys.chores),
    "changes_key": ((), keys.changes),
    "clock_key": ((), keys.clock),
    "pending_gaps_key": ((), keys.pending_gaps),
    "gaps_key": ((), keys.gaps),
    "dirty_key": ((), keys.dirty),
    "dirty_taken_key": ((), keys.dirty_taken),
    "history_key": ((), keys.history),
    "history_taken_key": ((), keys.history_taken),
    "snapshot_key": ((), keys.snapshot),
}

# The same for the keys beside a destination's bucket and the metrics, which are built from theirs.
RATE, METRICS = keys.rate("slack-1f"), keys.metrics()
BESIDE = {
    "rate_sent_key": (RATE, "", keys.rate_sent("slack-1f")),
    "rate_waiting_key": (RATE, "", keys.rate_waiting("slack-1f")),
    "rate_turns_key": (RATE, "", keys.rate_turns("slack-1f")),
    "metrics_known_key": (METRICS, "a1b2", keys.metrics_known("a1b2")),
    "metrics_window_key": (METRICS, "59", keys.metrics_window(59)),
}


async def test_lua_and_python_name_the_same_keys(store: Store) -> None:
    assert SAME.keys() | BESIDE.keys() == defined(include("keys")) - {"lane_of"}
    in_partitions = {
        name for name, value in vars(keys).items() if callable(value) and "partition" in value.__annotations__
    }
    assert {function.__name__ for _, function in SAME.values()} == in_partitions - {"prefix"}
    for lua, (arguments, python) in SAME.items():
        parts = ", ".join(["KEYS[1]", *(f"ARGV[{i + 1}]" for i in range(len(arguments)))])
        script = f"#!lua flags=no-writes\n{include('keys')}\nreturn {lua}({parts})"
        built = await store.redis.eval(script, 1, keys.prefix(3), *map(str, arguments))
        assert built.decode() == python(3, *arguments), lua  # type: ignore[operator]
    for lua, (key, argument, beside) in BESIDE.items():
        script = f"#!lua flags=no-writes\n{include('keys')}\nreturn {lua}(KEYS[1], ARGV[1])"
        built = await store.redis.eval(script, 1, key, argument)
        assert built.decode() == beside


def test_no_two_keys_have_one_name() -> None:
    named = [python(3, *arguments) for arguments, python in SAME.values()]  # type: ignore[operator]
    assert len(set(named)) == len(named)


def test_only_keys_py_spells_a_key() -> None:
    for folder in ("ttr", "rq_jobs"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.relative_to(ROOT) != Path("ttr/store/keys.py"):
                assert not re.search(r"""["']ttr:(?! )""", path.read_text()), path


def test_luacheck_knows_every_function_of_the_includes() -> None:
    config = (ROOT / ".luacheckrc").read_text()
    functions = {
        name
        for part in INCLUDES
        for name in re.findall(r"^local function (\w+)", include(part), re.MULTILINE)
    }
    listed = set(re.findall(r'"(\w+)"', config.partition("read_globals")[2].partition("\n}")[0]))
    assert listed == functions | {"redis", "cjson", "struct", "bit"}


@pytest.mark.skipif(shutil.which("luacheck") is None, reason="luacheck is not installed")
@pytest.mark.parametrize("name", COMMANDS)
def test_luacheck_finds_nothing_in_an_assembled_command(name: str) -> None:
    options = [
        "--no-config",
        "--std",
        "lua51",
        "--globals",
        "KEYS",
        "ARGV",
        "--read-globals",
        "redis",
        "cjson",
    ]
    options += ["struct", "--ignore", "211", "--no-max-line-length", "--no-color", "-"]
    done = subprocess.run(
        ["luacheck", *options], input=assemble(name), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_scripts_and_uptime_mean_the_same_silence_by_blind() -> None:
    assert f"local BLIND_AFTER = {BLIND_AFTER_MS}\n" in include("days")
