"""A kind of channel is three files: its module, its line in the registry, its templates. Nothing else names it."""

import ast
import inspect
import io
import re
import tokenize
from fnmatch import fnmatch
from pathlib import Path

import pytest

from ttr.channels import KINDS, Kind
from ttr.channels.kind import Field
from ttr.settings import load_settings

ROOT = Path(__file__).parents[2]
REGISTRY = "ttr/channels/__init__.py"

# Path, what stands there, and why it is no knowledge of a kind.
ALLOWED = (
    ("ttr/settings.py", r"email_confirm", "settings are the operator's, all in one file"),
    ("ttr/ping/handler.py", r"a webhook of ttr is no ping", "prose: a ping that we sent ourselves"),
    ("ttr/in_force.py", r"email_confirm", "settings, by which of them hold secrets"),
    (
        "ttr/up/channel_findings.py",
        r"email",
        "the mail server is the operator's; its kind knows what it lacks",
    ),
    ("ttr/up/settings_findings.py", r"makes a webhook", "prose"),
    ("ttr/up/settings_findings.py", r"EMAIL_CONFIRM", "settings are the operator's"),
    ("ttr/bot/process.py", r"has set a webhook", "what Telegram calls where it sends a bot's messages"),
    ("ttr/channels/exchange.py", r"from email\.utils", "Python's own module"),
    ("ttr/channels/signing.py", r"webhook-(id|timestamp|signature)", "headers that Standard Webhooks names"),
    (
        "templates/integrations/_signing.html",
        r"Standard Webhooks|webhook-\w+",
        "headers that Standard Webhooks names",
    ),
    ("ttr/domain/rate.py", r"CLOCK_SLACK", "the English word"),
    ("scripts/lua/includes/bucket.lua", r"CLOCK_SLACK", "the English word"),
)


# People log in with Telegram as well, which has nothing to do with the channel: its files, and those that lead there.
LOGIN = """
    ttr/domain/telegram_login.py ttr/store/telegram*.py ttr/store/bot.py ttr/bot/*.py ttr/web/telegram*.py
    templates/telegram/* templates/account/telegram.html scripts/lua/*link_telegram.lua scripts/lua/revoke_key.lua
    ttr/accounts.py ttr/store/users.py ttr/store/sessions.py ttr/store/removal.py ttr/store/restoring.py
    ttr/store/keys.py ttr/store/errors.py ttr/domain/allowance.py ttr/security_headers.py ttr/settings.py
    ttr/api/__init__.py ttr/api/sessions.py ttr/api/user.py ttr/web/__init__.py ttr/web/account_sessions.py
    ttr/web/errors.py ttr/web/home.py ttr/web/admin/access*.py ttr/web/admin/accounts.py ttr/cli.py ttr/up/banner.py
    ttr/up/up.py ttr/up/orphan_findings.py ttr/up/channel_findings.py ttr/web/docs_help.py
    ttr/up/settings_findings.py ttr/store/orphans.py scripts/lua/includes/idle.lua ttr/in_force.py
    templates/account/_tabs.html templates/account/sessions.html
    templates/admin/accounts/show.html templates/home/show.html
""".split()


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_named_in_its_own_files_only(name: str) -> None:
    word = re.compile(name, re.IGNORECASE)
    found = [
        f"{path}:{number}: {line.strip()}"
        for path, text in sources().items()
        if not (name == "telegram" and any(fnmatch(path, pattern) for pattern in LOGIN))
        for number, line in enumerate(text.splitlines(), 1)
        if word.search(line)
    ]
    assert found == []


def test_every_exception_is_still_needed() -> None:
    for path, pattern, _ in ALLOWED:
        file = ROOT / path
        assert file.exists(), path
        assert re.search(pattern, file.read_text()), (path, pattern)


@pytest.mark.parametrize("pattern", LOGIN)
def test_every_file_of_the_login_is_still_one(pattern: str) -> None:
    assert any("telegram" in path.read_text().lower() for path in ROOT.glob(pattern))


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_has_one_line_in_the_registry(name: str) -> None:
    code = without_prose(ROOT / REGISTRY).splitlines()
    naming = [line for line in code if re.search(rf"\b{name}\b", line)]
    assert len(naming) == 2  # the import and the tuple
    assert f"{name}," in naming[0] or naming[0].endswith(name)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_knows_no_other_kind(name: str) -> None:
    imported = {
        alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse((ROOT / f"ttr/channels/{name}.py").read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    others = {f"ttr.channels.{other}" for other in KINDS if other != name}
    assert not {
        one for one in imported if any(one == other or one.startswith(f"{other}.") for other in others)
    }


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_kind_offers_what_the_protocol_asks(kind: Kind) -> None:
    assert re.fullmatch(r"[a-z]+", kind.name)
    assert KINDS[kind.name] is kind
    assert kind.label
    assert kind.about.endswith(".")
    assert "\n" not in kind.about
    assert kind.fields
    assert all(
        isinstance(field, Field) and field.label and field.name.startswith(f"{kind.name}_")
        for field in kind.fields
    )
    assert kind.events_max >= 1
    assert isinstance(kind.signs, bool)
    assert isinstance(kind.confirms, bool)
    if kind.confirms:  # the page of the link shows the address, and nobody can read a sealed one there
        assert [field.secret for field in kind.fields] == [False]
    assert inspect.iscoroutinefunction(kind.send)
    assert list(inspect.signature(kind.send).parameters) == list(inspect.signature(Kind.send).parameters)[1:]
    assert isinstance(kind.missing(load_settings()), str)


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_no_field_takes_what_cannot_be_stored_in_a_line(kind: Kind) -> None:
    for field in kind.fields:
        for text in ("\x00", "a b\nc", "\ud800", "x" * 100_000):
            with pytest.raises(ValueError, match=r"\.$") as caught:
                field.read(text)
            assert text not in str(caught.value)


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_that_writes_words_has_them_in_templates(name: str) -> None:
    named = set(re.findall(r'render\(\s*"([^"]+)"', (ROOT / f"ttr/channels/{name}.py").read_text()))
    templates = {path.name for path in (ROOT / "templates/channels").glob(f"{name}.*")}
    assert named == templates


def test_no_two_fields_have_one_name() -> None:
    names = [field.name for kind in KINDS.values() for field in kind.fields]
    assert len(set(names)) == len(names)


def sources() -> dict[str, str]:
    """Everything that could name a kind, without comments, docstrings and what is allowed."""
    own = {f"ttr/channels/{name}.py" for name in KINDS} | {REGISTRY}
    found = {}
    for folder, pattern in (("ttr", "*.py"), ("templates", "*.*"), ("scripts/lua", "*.lua")):
        for path in sorted((ROOT / folder).rglob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if name in own or (path.parent.name == "channels" and path.stem in KINDS):
                continue
            text = without_prose(path)
            for allowed, what, _ in ALLOWED:
                if name == allowed:
                    text = re.sub(what, "", text)
            found[name] = text
    assert len(found) > 50
    return found


def without_prose(path: Path) -> str:
    """The file with its comments and docstrings blanked; line numbers stay."""
    text = path.read_text()
    if path.suffix == ".py":
        return _python_without_prose(text)
    comment = r"--\[\[.*?\]\]|--[^\n]*" if path.suffix == ".lua" else r"\{#.*?#\}"
    return re.sub(comment, lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)


def _python_without_prose(text: str) -> str:
    lines = text.splitlines()
    starts = True  # of a statement: a string there is prose
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or (token.type == tokenize.STRING and starts):
            (first, left), (last, right) = token.start, token.end
            for number in range(first - 1, last):
                line = lines[number]
                begin = left if number == first - 1 else 0
                end = right if number == last - 1 else len(line)
                lines[number] = line[:begin] + " " * (end - begin) + line[end:]
        elif token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
            starts = token.type == tokenize.NEWLINE
    return "\n".join(lines)
