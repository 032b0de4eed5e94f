"""Settings: where they come from, and what is said about bad ones."""

import os
import warnings
from ipaddress import ip_network
from pathlib import Path

import pytest

from ttr.domain.allowance import DEFAULTS, Limit
from ttr.settings import OBSOLETE, OF_COMPOSE, Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory and an environment without settings of ours."""
    monkeypatch.chdir(tmp_path)
    ours = {field.upper() for field in Settings.model_fields} | OBSOLETE.keys()
    for name in list(os.environ):
        if name in ours or name.startswith("TTR_"):
            monkeypatch.delenv(name)
    return tmp_path


def test_without_any_setting_there_are_sensible_defaults(folder: Path) -> None:
    settings = load_settings()
    assert (settings.port, settings.host, settings.ttr_env) == (8_000, "127.0.0.1", "development")
    assert settings.data_dir == folder / ".ttr"
    assert (settings.trusted_proxies, settings.egress_allow, settings.rate_limits) == ((), (), DEFAULTS)
    assert (settings.ping_body_limit, settings.ping_body_max, settings.ping_log_entries) == (
        100_000,
        10_000_000,
        100,
    )
    # No default secret exists anywhere.
    assert settings.secret_key is None
    assert settings.encryption_key is None
    for needed in ("database", "master_key"):
        with pytest.raises(SettingsError, match="not set"):
            getattr(settings, needed)


def test_the_environment_beats_the_file_and_the_command_line_beats_both(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / ".env").write_text(
        '# ours\nPORT=1001\nHOST="0.0.0.0"\nexport PING_LOG_ENTRIES=7\nLOG_LEVEL=debug\n'
    )
    monkeypatch.setenv("PORT", "1002")
    monkeypatch.setenv("HOST", "::1")
    settings = load_settings({"PORT": "1003"})
    assert (settings.port, settings.host, settings.ping_log_entries, settings.log_level) == (
        1_003,
        "::1",
        7,
        "DEBUG",
    )


def test_an_empty_value_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "SECRET_KEY", "TRUSTED_PROXIES", "REDIS_URL", "RATE_LIMITS"):
        monkeypatch.setenv(name, "")
    assert load_settings() == load_settings()
    assert load_settings().port == 8_000
    assert load_settings().redis_url is None


def test_networks_come_as_a_list_with_commas() -> None:
    settings = load_settings({"TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8 ,fd00::/8,", "EGRESS_ALLOW": "::1"})
    assert settings.trusted_proxies == tuple(map(ip_network, ("127.0.0.1/32", "10.0.0.0/8", "fd00::/8")))
    assert settings.egress_allow == (ip_network("::1/128"),)


def test_limits_are_asked_for_by_zone() -> None:
    settings = load_settings({"RATE_LIMITS": "ping-check=5/2,bulk=off"})
    assert settings.limit("ping-check") == Limit("ping-check", 5, 2)
    assert settings.limit("bulk") is None
    assert settings.limit("api-key") == Limit("api-key", 600, 60)
    assert load_settings({"RATE_LIMITS": "off"}).limit("api-key") is None


def test_the_queue_is_the_database_unless_it_is_said_otherwise() -> None:
    assert load_settings({"REDIS_URL": "redis://a"}).queue == "redis://a"
    assert load_settings({"REDIS_URL": "redis://a", "QUEUE_REDIS_URL": "redis://b"}).queue == "redis://b"


def test_a_public_url_has_no_slash_at_its_end() -> None:
    assert (
        load_settings({"PUBLIC_URL": "https://ttr.example.com/sub/"}).public_url
        == "https://ttr.example.com/sub"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "80.5"),
        ("TTR_ENV", "prod"),
        ("LOG_LEVEL", "loud"),
        ("PUBLIC_URL", "ttr.example.com"),
        ("TRUSTED_PROXIES", "everyone"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("EGRESS_ALLOW", "10.0.0.0/33"),
        ("RATE_LIMITS", "maybe"),
        ("PING_BODY_LIMIT", "-1"),
        ("PING_BODY_LIMIT", "1000001"),
        ("PING_LOG_ENTRIES", "0"),
        ("CHECKS_PER_ACCOUNT", "many"),
        ("RATE_LIMITS", "new-account=0/3600"),
        ("RATE_LIMITS", "pings=5/1"),
    ],
)
def test_a_bad_value_is_one_line_that_names_it(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({name: value})
    text = str(caught.value)
    assert text.startswith(f"{name}: ")
    assert len(text.splitlines()) == 1
    assert "pydantic" not in text


def test_several_bad_values_are_a_line_each() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"PORT": "x", "LOG_LEVEL": "x", "TRUSTED_PROXIES": "x,y"})
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        "PORT",
        "LOG_LEVEL",
        "TRUSTED_PROXIES",
    ]


def test_no_secret_is_in_an_error() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"SECRET_KEY": "hush-hush", "ENCRYPTION_KEY": "hush-hush", "PORT": "x"})
    assert "hush" not in str(caught.value)


def test_an_obsolete_setting_is_a_warning_that_says_why(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setenv("DEBUG_MODE", "true")
    (folder / ".env").write_text("EMBED_BEAT=1\n")
    with pytest.warns(UserWarning, match="is obsolete: ") as caught:
        load_settings()
    assert [str(w.message) for w in caught] == [
        f"DEBUG_MODE is obsolete: {OBSOLETE['DEBUG_MODE']}.",
        f"EMBED_BEAT is obsolete: {OBSOLETE['EMBED_BEAT']}.",
    ]


def test_an_unknown_setting_in_the_file_is_a_warning(folder: Path) -> None:
    (folder / ".env").write_text("PROT=8001\nPORT=8002\n")
    with pytest.warns(UserWarning, match=r"^PROT is not a setting of ttr and is ignored\.$"):
        assert load_settings().port == 8_002


def test_what_compose_reads_in_the_same_file_is_no_mistake(folder: Path) -> None:
    (folder / ".env").write_text("".join(f"{name}=1\n" for name in sorted(OF_COMPOSE)))
    load_settings()  # a warning would be an error here


def test_an_unknown_name_that_begins_like_ours_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTR_DATADIR", "/x")
    with pytest.warns(UserWarning, match="TTR_DATADIR is not a setting"):
        load_settings()


def test_the_rest_of_the_environment_is_nobodys_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMETHING_ELSE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load_settings()


@pytest.mark.parametrize("content", [b"PORT=8001\xff\xfe\n", b"\x00\x01\xff"])
def test_a_file_that_is_no_text_is_one_line(folder: Path, content: bytes) -> None:
    (folder / ".env").write_bytes(content)
    with pytest.raises(SettingsError, match=r"^\.env: "):
        load_settings()


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1


@pytest.mark.parametrize(
    ("given", "asks"),
    [
        ({}, False),
        ({"TTR_ENV": "production"}, True),
        ({"EMAIL_CONFIRM": "on"}, True),
        ({"TTR_ENV": "production", "EMAIL_CONFIRM": "off"}, False),
    ],
)
def test_addresses_must_agree_in_production_unless_the_operator_says_otherwise(
    given: dict[str, str], asks: bool
) -> None:
    assert load_settings(given).asks_people is asks
    with pytest.raises(SettingsError, match="EMAIL_CONFIRM"):
        load_settings({"EMAIL_CONFIRM": "maybe"})


@pytest.mark.parametrize(
    "url", ["postgres://ttr@db/ttr", "postgresql://ttr:a%2Fb@db:5432/ttr?sslmode=require"]
)
def test_both_schemes_of_postgres_are_taken(url: str) -> None:
    assert load_settings({"DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize("driver", ["asyncpg", "psycopg", "psycopg2"])
def test_the_driver_that_an_address_names_is_left_out(driver: str) -> None:
    url = load_settings({"DATABASE_URL": f"postgresql+{driver}://ttr:a+b://@db/ttr"}).database_url
    assert url == "postgresql://ttr:a+b://@db/ttr"


@pytest.mark.parametrize(
    "url",
    ["sqlite+aiosqlite:///./test.db", "postgresql+://ttr:geheim@db", "mysql://ttr:geheim@db", "db.example"],
)
def test_another_scheme_is_refused_without_quoting_the_password(url: str) -> None:
    with pytest.raises(
        SettingsError, match=r"^DATABASE_URL: must begin with postgresql:// or postgres://$"
    ) as refused:
        load_settings({"DATABASE_URL": url})
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "lacks"),
    [
        ({}, "REDIS_URL"),
        ({"QUEUE_REDIS_URL": "redis://queue"}, "REDIS_URL"),
        ({"REDIS_URL": "redis://one"}, "QUEUE_REDIS_URL"),
    ],
)
def test_a_cluster_needs_its_url_and_a_queue_beside_it(given: dict[str, str], lacks: str) -> None:
    with pytest.raises(SettingsError, match=f"^REDIS_CLUSTER needs {lacks} as well"):
        load_settings({"REDIS_CLUSTER": "true", **given})
    both = {"REDIS_URL": "redis://one", "QUEUE_REDIS_URL": "redis://queue"}
    assert load_settings({"REDIS_CLUSTER": "true", **both}).redis_cluster
    assert not load_settings(both).redis_cluster


def test_a_login_by_telegram_needs_its_bot() -> None:
    bot = {"TELEGRAM_BOT_NAME": "@AcmeJobsBot", "TELEGRAM_BOT_TOKEN": "1234:s3cr3t-token-of-a-bot"}
    settings = load_settings({"TELEGRAM_AUTH_ENABLED": "true", **bot})
    assert (settings.telegram_bot_name, settings.bot_lacks) == ("AcmeJobsBot", "")
    assert "TELEGRAM_AUTH_ENABLED" in load_settings(bot).bot_lacks
    for name in bot:
        with pytest.raises(SettingsError, match=r"^TELEGRAM_AUTH_ENABLED needs TELEGRAM_BOT_NAME and"):
            load_settings({"TELEGRAM_AUTH_ENABLED": "true", **bot, name: ""})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TELEGRAM_BOT_NAME", "a b", "is a user name of Telegram"),
        ("TELEGRAM_BOT_NAME", "x" * 33, "is a user name of Telegram"),
        ("TELEGRAM_BOT_TOKEN", "s3cr3t", "copy it from BotFather"),
        ("TELEGRAM_BOT_TOKEN", "1234:s3cr3t token of a bot!", "copy it from BotFather"),
        ("TELEGRAM_AUTH_MAX_AGE_SECONDS", "29", "greater than or equal to 30"),
        ("TELEGRAM_AUTH_MAX_AGE_SECONDS", "86401", "less than or equal to 86400"),
        ("TELEGRAM_AUTH_ENABLED", "perhaps", "valid boolean"),
    ],
)
def test_a_bad_setting_of_telegram_is_named_and_no_token_is_quoted(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: .*{words}") as found:
        load_settings({name: value})
    assert "s3cr3t" not in str(found.value)


def test_the_address_of_another_monitor_is_whole_or_refused_and_never_quoted() -> None:
    for url in ("http://h/p", "https://h.example:8/p/s?x=1", "https://h/" + "x" * 1_990):
        assert load_settings({"SELF_PING_URL": url}).self_ping_url == url
    for url in ("ftp://s3cr3t/x", "s3cr3t", "http:///s3cr3t", "http://s3cr3t:x/", "http://h/s3cr3t x"):
        with pytest.raises(SettingsError, match="SELF_PING_URL: must be a URL") as refused:
            load_settings({"SELF_PING_URL": url})
        assert "s3cr3t" not in str(refused.value)
    with pytest.raises(SettingsError, match="at most 2,000 characters"):
        load_settings({"SELF_PING_URL": "https://h/" + "x" * 1_991})


@pytest.mark.parametrize(("seconds", "fits"), [(9, False), (10, True), (3_600, True), (3_601, False)])
def test_it_is_pinged_every_ten_seconds_to_an_hour(seconds: int, fits: bool) -> None:
    if fits:
        given = load_settings({"SELF_PING_INTERVAL_SECONDS": str(seconds)})
        assert given.self_ping_interval_seconds == seconds
    else:
        with pytest.raises(SettingsError, match="SELF_PING_INTERVAL_SECONDS"):
            load_settings({"SELF_PING_INTERVAL_SECONDS": str(seconds)})


def test_how_certificates_of_redis_are_checked_stands_in_its_url(folder: Path) -> None:
    platform = {"REDIS_URL": "rediss://:secret@redis.example.com:6380", "REDIS_TLS_VERIFY": "none"}
    assert load_settings(platform).database == f"{platform['REDIS_URL']}?ssl_cert_reqs=none"
    assert load_settings(platform).queue == load_settings(platform).database
    # What the URL itself says goes before, and one without TLS has nothing to be checked.
    said = {**platform, "QUEUE_REDIS_URL": "rediss://queue?ssl_cert_reqs=required&db=1"}
    assert load_settings(said).queue == said["QUEUE_REDIS_URL"]
    assert load_settings({**platform, "REDIS_URL": "redis://plain"}).database == "redis://plain"
    assert load_settings({"REDIS_URL": "rediss://strict"}).database == "rediss://strict"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "can't be read"), ("nothing of the kind", "holds no certificates")],
    ids=["none", "no certificates"],
)
def test_a_file_of_certificates_must_be_one(folder: Path, content: str | None, words: str) -> None:
    if content:
        (folder / "ca.pem").write_text(content)
    with pytest.raises(SettingsError, match=f"REDIS_CA_FILE: {words}"):
        load_settings({"REDIS_CA_FILE": "ca.pem"})
