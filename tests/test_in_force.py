"""The settings that operators see: all of them, and no secret."""

import re
from pathlib import Path
from typing import get_args

import pytest

from ttr.in_force import HARMLESS, HIDDEN, URLS, in_force, obsolete_given, without_password
from ttr.settings import OBSOLETE, Settings

SECRET = "s3cr3t-w0rd"
MAY_BE_SECRET = re.compile(r"key|secret|password|passphrase|token|url|dsn|credential|auth", re.IGNORECASE)


def is_text(field: str) -> bool:
    """Whether a setting may hold any text."""
    annotation = Settings.model_fields[field].annotation
    return annotation is str or str in get_args(annotation)


def value_of(settings: Settings, name: str) -> str:
    """What is shown of one."""
    return next(one.value for one in in_force(settings) if one.name == name)


def test_every_setting_is_there_with_its_meaning() -> None:
    found = in_force(Settings())
    assert [one.name for one in found] == [field.upper() for field in Settings.model_fields]
    assert all(one.meaning for one in found)
    assert not any(one.is_set for one in found)


def test_whatever_text_is_not_known_to_be_harmless_is_hidden() -> None:
    texts = [field for field in Settings.model_fields if is_text(field)]
    assert {"secret_key", "encryption_key", "smtp_password"} <= set(texts)
    for field in texts:
        shown = value_of(Settings.model_construct(**{field: SECRET}), field.upper())
        assert (SECRET in shown) == (field in HARMLESS), field
        assert shown in (SECRET, HIDDEN), field


def test_nothing_whose_name_could_be_that_of_a_secret_is_shown_as_it_is() -> None:
    suspicious = {field for field in Settings.model_fields if is_text(field) and MAY_BE_SECRET.search(field)}
    assert len(suspicious) > 5
    assert not suspicious & HARMLESS
    assert suspicious >= URLS


@pytest.mark.parametrize(
    "value", [SECRET.encode(), object(), [SECRET], {"a": SECRET}, (SECRET,), ((SECRET,),)]
)
def test_a_value_of_a_kind_that_is_not_known_is_hidden(value: object) -> None:
    assert SECRET not in value_of(Settings.model_construct(log_level=value), "LOG_LEVEL")


def test_what_can_be_no_secret_is_shown() -> None:
    settings = Settings.model_validate(
        {
            "port": 9_000,
            "trusted_proxies": "10.0.0.0/8, ::1",
            "ttr_data_dir": "/srv",
            "rate_limits": "bulk=1/2",
        }
    )
    assert value_of(settings, "PORT") == "9000"
    assert value_of(settings, "TRUSTED_PROXIES") == "10.0.0.0/8, ::1/128"
    assert value_of(settings, "TTR_DATA_DIR") == "/srv"
    assert "bulk=1/2" in value_of(settings, "RATE_LIMITS")
    assert value_of(settings, "SMTP_HOST") == ""
    assert value_of(settings, "LOG_LEVEL") == "INFO"
    assert value_of(Settings(email_confirm="off"), "EMAIL_CONFIRM") == "off"
    given = {one.name for one in in_force(settings) if one.is_set}
    assert given == {"PORT", "TRUSTED_PROXIES", "TTR_DATA_DIR", "RATE_LIMITS"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        (f"redis://:{SECRET}@localhost:6379/0", "redis://hidden@localhost:6379/0"),
        (f"rediss://user:{SECRET}@[::1]:6379/0", "rediss://hidden@[::1]:6379/0"),
        (f"redis://{SECRET}@host/0", "redis://hidden@host/0"),
        (f"unix:///run/redis.sock?password={SECRET}", "unix:///run/redis.sock?hidden"),
        (f"postgresql:///ttr?host=/run&password={SECRET}", "postgresql:///ttr?hidden"),
        (f"postgresql://u:a@{SECRET}@host/db", "postgresql://hidden@host/db"),
        ("https://ttr.example/base", "https://ttr.example/base"),
    ],
)
def test_a_url_is_shown_without_what_is_secret_in_it(url: str, shown: str) -> None:
    assert without_password(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:a/{SECRET}@host/0",  # not escaped
        f"redis://:123#{SECRET}@host/0",
        f"redis://:123?{SECRET}@host/0",
        f"redis://user:{SECRET}",
        f"redis://[{SECRET}",
        SECRET,
        "",
    ],
)
def test_what_can_hold_a_secret_anywhere_is_hidden(url: str) -> None:
    assert without_password(url) == HIDDEN


def test_obsolete_settings_that_are_given_are_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in OBSOLETE:
        monkeypatch.delenv(name, raising=False)
    assert obsolete_given() == {}
    (tmp_path / ".env").write_text("DEBUG_MODE=1\nPORT=1\n")
    monkeypatch.setenv("EMBED_BEAT", "0")
    assert obsolete_given() == {name: OBSOLETE[name] for name in ("DEBUG_MODE", "EMBED_BEAT")}
