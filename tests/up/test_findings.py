"""What `ttr doctor` makes of settings, queues, channels and versions, at the edges of its judgements."""

import base64
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from tests.bot.service import saying_no, serving
from tests.channels.post import post_office
from tests.conftest import RedisServer, start_redis
from tests.lua.parts import draft, make_channel, make_user
from tests.telegram import BOT, TOKEN
from ttr import __version__
from ttr.domain.finding import Finding
from ttr.domain.liveness import Process, judge
from ttr.job_queue import JobCounts
from ttr.settings import Settings, load_settings
from ttr.store import channels
from ttr.store.channel_counts import ChannelCounts, count_channels
from ttr.store.form import FORM, OPEN_TO, Form
from ttr.store.redis import Store
from ttr.store.reindex import INDEX_VERSION
from ttr.up.channel_findings import judge_channels, look_at_channels
from ttr.up.queue_findings import judge_jobs, judge_own_redis, judge_processes, look_at_queue
from ttr.up.settings_findings import DISTINCT_LEAST, SECRET_LEAST, look_at_settings
from ttr.up.version_findings import judge_form, judge_indexes

STRONG = "kX3_9vQmP2sL8dYtR6wZ1bNcF5gHjK7eUaOi"
KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
WELL = {
    "TTR_ENV": "production",
    "SECRET_KEY": STRONG,
    "ENCRYPTION_KEY": KEY,
    "PUBLIC_URL": "https://ttr.example.org",
}


async def judged(**given: str) -> list[tuple[str, str]]:
    """Level and subject of what is said of settings in production that are well but for `given`; no secret is told."""
    settings = load_settings({**WELL, **given})
    found = await look_at_settings(settings)
    for finding in found:
        for secret in (settings.secret_key, settings.encryption_key, settings.smtp_password):
            assert not secret or secret not in finding.text
    return [(finding.level, finding.subject) for finding in found]


async def test_settings_that_are_well() -> None:
    assert await judged() == [("ok", "settings")]
    assert await judged(CLEANUP_ENABLED="true") == [("ok", "settings"), ("ok", "cleanup")]


@pytest.mark.parametrize(
    ("given", "level", "subject"),
    [
        ({"SECRET_KEY": ""}, "refusal", "secrets"),
        ({"ENCRYPTION_KEY": ""}, "refusal", "secrets"),
        ({"ENCRYPTION_KEY": "no Fernet key"}, "refusal", "secrets"),
        ({"SECRET_KEY": STRONG[: SECRET_LEAST - 1]}, "bad", "SECRET_KEY"),
        ({"SECRET_KEY": "abcdefghi" * 5}, "bad", "SECRET_KEY"),
        (
            {"SECRET_KEY": "a_very_secret_key", "TTR_ENV": "development", "PUBLIC_URL": ""},
            "warning",
            "SECRET_KEY",
        ),
        ({"SECRET_KEY": KEY}, "warning", "SECRET_KEY"),
        ({"PUBLIC_URL": ""}, "warning", "PUBLIC_URL"),
        ({"PUBLIC_URL": "http://ttr.example.org"}, "warning", "PUBLIC_URL"),
        ({"TTR_ENV": "development"}, "warning", "TTR_ENV"),
        ({"TRUSTED_PROXIES": "0.0.0.0/0"}, "bad", "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "::/0"}, "bad", "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "8.0.0.0/7"}, "warning", "TRUSTED_PROXIES"),
        ({"EGRESS_ALLOW": "0.0.0.0/0"}, "bad", "EGRESS_ALLOW"),
        ({"RATE_LIMITS": "off"}, "warning", "RATE_LIMITS"),
        (
            {"DATABASE_URL": "postgresql://h/d", "EMBEDDED_POSTGRES": "on"},
            "warning",
            "EMBEDDED_POSTGRES",
        ),
        ({"PING_BODY_LIMIT": "1000000", "PING_BODY_MAX": "1000"}, "warning", "PING_BODY_LIMIT"),
        ({"BODY_BYTES_PER_ACCOUNT": "299999"}, "warning", "BODY_BYTES_PER_CHECK"),
        ({"TELEGRAM_BOT_TOKEN": TOKEN}, "warning", "TELEGRAM_BOT_*"),
        ({"SMTP_FROM": "a@b.example"}, "warning", "SMTP_*"),
        ({"SMTP_HOST": "m.example", "SMTP_USER": "u"}, "warning", "SMTP_USER"),
        (
            {"SMTP_HOST": "m", "SMTP_USER": "u", "SMTP_PASSWORD": "hush-hush", "SMTP_SECURITY": "none"},
            "warning",
            "SMTP_SECURITY",
        ),
        ({"SMTP_HOST": "m.example", "EMAIL_CONFIRM": "off"}, "warning", "EMAIL_CONFIRM"),
        ({"RC_RPS_MIN": "3"}, "warning", "RC_RPS_MIN"),
        ({"RC_START_RPS": "2.1"}, "warning", "RC_START_RPS"),
        ({"RC_BACKOFF_BASE": "301"}, "warning", "RC_BACKOFF_BASE"),
    ],
    ids=str,
)
async def test_settings_that_are_odd(given: dict[str, str], level: str, subject: str) -> None:
    assert await judged(**given) == [(level, subject)]


async def test_settings_at_their_edges_are_not_odd() -> None:
    just = {
        "SECRET_KEY": (STRONG[:DISTINCT_LEAST] * SECRET_LEAST)[:SECRET_LEAST],
        "TRUSTED_PROXIES": "10.0.0.0/8,fd00::/16",
        "EGRESS_ALLOW": "10.0.0.0/8",
        "BODY_BYTES_PER_ACCOUNT": "300000",
        "RC_START_RPS": "2.0",
    }
    assert await judged(**just) == [("ok", "settings")]


async def test_names_that_are_none_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("RATELIMITS=off\nDEBUG_MODE=true\n")
    monkeypatch.setenv("TTR_ENVIRONMENT", "production")
    with pytest.warns(UserWarning, match="ttr|obsolete"):
        found = await look_at_settings(load_settings(WELL))
    assert [finding.level for finding in found] == ["warning"] * 3
    told = " ".join(finding.text for finding in found)
    for name in ("RATELIMITS", "DEBUG_MODE", "TTR_ENVIRONMENT"):
        assert name in told


@pytest.mark.parametrize(
    ("waiting", "failed", "workers", "levels"),
    [
        (0, 0, 1, ["ok"]),
        (1_000, 0, 1, ["ok"]),
        (1_001, 0, 1, ["warning"]),
        (0, 0, 0, ["warning"]),
        (1, 0, 0, ["bad"]),
        (0, 1, 1, ["ok", "warning"]),
    ],
)
def test_jobs_and_who_takes_them(waiting: int, failed: int, workers: int, levels: list[str]) -> None:
    found = judge_jobs(JobCounts(waiting, 0, 0, failed), workers)
    assert [finding.level for finding in found] == levels


def process(number: int, beat_at: int, *, version: str = __version__, turned: int | None = None) -> Process:
    """A clock that was heard of then."""
    loops = {"watch": beat_at if turned is None else turned}
    return Process(f"p{number}", "clock", "box", number, version, 0, beat_at, loops, {}, {})


def test_processes_that_ail_are_told() -> None:
    now = 1_000_000
    assert judge_processes(judge([process(1, now), process(2, now)], now)) == []
    (silent,) = judge_processes(judge([process(1, now), process(2, now - 9_000)], now))
    assert (silent.level, "clock 2 on box is not heard of" in silent.text) == ("warning", True)
    (stuck,) = judge_processes(judge([process(1, now, turned=now - 20_000)], now))
    assert (stuck.level, "clock 1 on box is stuck: watch" in stuck.text) == ("bad", True)
    (mixed,) = judge_processes(judge([process(1, now), process(2, now, version="0.0.1")], now))
    assert mixed.level == "warning"
    assert "0.0.1" in mixed.text


async def test_a_queue_of_its_own_is_looked_at_and_its_password_is_not_told(
    redis_server: RedisServer, store: Store
) -> None:
    def with_queue(url: str) -> Settings:
        return load_settings({"REDIS_URL": redis_server.url, "QUEUE_REDIS_URL": url})

    for url, subject in (
        ("redis://:hush-hush@127.0.0.1:1/0", "does not answer"),
        ("redis://:hush/hush@127.0.0.1:1/0", "not a URL"),
    ):
        first, *_ = await look_at_queue(with_queue(url))
        assert (first.level, first.subject) == ("bad", "reachable")
        assert subject in first.text
        assert "hush" not in first.text
    found = await look_at_queue(with_queue(redis_server.url))
    assert [(one.level, one.subject) for one in found] == [("ok", "reachable"), ("warning", "workers")]
    for options, level, subject in (
        (("--replicaof", "127.0.0.1", "1"), "bad", "role"),
        (("--maxmemory-policy", "allkeys-lru"), "warning", "eviction"),
        (("--appendonly", "no"), "ok", "reachable"),
    ):
        with tempfile.TemporaryDirectory(prefix="ttr-") as folder:
            server = start_redis(Path(folder), *options)
            try:
                first, *_ = await look_at_queue(with_queue(server.url))
                assert (first.level, first.subject) == (level, subject), first.text
            finally:
                server.process.kill()
                server.process.wait(10)


def test_a_queue_on_a_node_of_a_cluster_or_too_old_takes_no_jobs() -> None:
    for info, subject in (
        ({"redis_version": "7.2.4", "redis_mode": "cluster"}, "cluster"),
        ({"redis_version": "6.0.1"}, "version"),
    ):
        (found,) = judge_own_redis(info)
        assert (found.level, found.subject) == ("bad", subject)


@pytest.mark.parametrize(
    ("every", "off", "failing", "level"),
    [(4, 0, 4, "warning"), (3, 0, 3, "ok"), (8, 0, 4, "ok"), (8, 1, 4, "warning")],
)
def test_a_kind_of_which_most_fail_is_worth_a_warning(every: int, off: int, failing: int, level: str) -> None:
    counts = ChannelCounts(
        every, True, Counter(slack=every), Counter(slack=off), Counter(), Counter(slack=failing)
    )
    (found,) = judge_channels(counts)
    assert (found.level, found.subject) == (level, "slack")


async def test_channels_are_counted_by_kind_and_only_so_many(store: Store) -> None:
    for _ in range(3):
        user = await make_user(store)
        works, fails, off = [
            await make_channel(store, user, address=address, kind=kind)
            for address, kind in (("a1", "webhook"), ("a2", "webhook"), ("a3", "slack"))
        ]
        assert works
        await channels.note_result(store, user, fails.id, delivered=False, detail="No", settings=None, now=1)
        assert await channels.turn_off(store, user.id, off.id, "gone", 1)
    counts = await count_channels(store)
    assert (counts.looked, counts.complete) == (9, True)
    assert counts.every == {"webhook": 6, "slack": 3}
    assert +counts.off == {"slack": 3}
    assert +counts.refused == {"slack": 3}
    assert +counts.failing == {"webhook": 3}
    assert judge_channels(counts)[0].text == "3, of which 3 are off (3 not by their owner) and 0 failed last."
    for _ in range(100):
        await make_channel(store, await make_user(store))
    counts = await count_channels(store, most=10)
    assert not counts.complete
    assert draft().kind == "webhook"


async def of_mail(redis_server: RedisServer, **given: str) -> Finding:
    """What is said of the mail server."""
    settings = load_settings(
        {"REDIS_URL": redis_server.url, "SMTP_FROM": "ttr@example.org", "SMTP_SECURITY": "none", **given}
    )
    return next(one for one in await look_at_channels(settings) if one.subject == "mail server")


async def test_the_mail_server_is_greeted_and_gets_no_mail(store: Store, redis_server: RedisServer) -> None:
    async with post_office(auth_require_tls=False) as (post, port):
        there = {"SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port)}
        assert await of_mail(redis_server, **there) == Finding(
            "ok", "mail server", f"127.0.0.1:{port} answers."
        )
        login = {"SMTP_USER": "ops", "SMTP_PASSWORD": "hunter2"}
        found = await of_mail(redis_server, **there, **login)
        assert (found.level, found.text) == ("ok", f"127.0.0.1:{port} answers and takes our login.")
        found = await of_mail(redis_server, **there, SMTP_USER="ops", SMTP_PASSWORD="hush-hush")
        assert found.level == "bad"
        assert "it answered 535 to the login" in found.text
        assert "hush" not in found.text
        assert (await of_mail(redis_server, **there, SMTP_SECURITY="starttls")).level == "bad"
        assert post.envelopes == []
    found = await of_mail(redis_server, **there)
    assert found.level == "bad"
    assert "the greeting failed" in found.text
    assert (await of_mail(redis_server, **there, SMTP_FROM="nobody")).level == "bad"


async def of_bot(redis_server: RedisServer, url: str, **given: str) -> Finding:
    """What is said of the bot."""
    settings = {"TELEGRAM_AUTH_ENABLED": "true", "TELEGRAM_BOT_NAME": BOT, "TELEGRAM_BOT_TOKEN": TOKEN}
    settings |= {"REDIS_URL": redis_server.url, "TELEGRAM_API_URL": url, **given}
    found = await look_at_channels(load_settings(settings))
    return next(one for one in found if one.subject == "Telegram bot")


async def test_the_bot_is_asked_for_its_name(store: Store, redis_server: RedisServer) -> None:
    async with serving() as service:
        assert (await of_bot(redis_server, service.url)).level == "ok"
        other = await of_bot(redis_server, service.url, TELEGRAM_BOT_NAME="SomeOtherBot")
        assert (other.level, repr(BOT) in other.text) == ("bad", True)
        service.next("getMe", saying_no(401, f"Unauthorized {TOKEN}"))
        refused = await of_bot(redis_server, service.url)
        assert (refused.level, TOKEN in refused.text) == ("bad", False)
        assert set(service.calls) == {"getMe"}
    away = await of_bot(redis_server, service.url)
    assert (away.level, TOKEN in away.text) == ("bad", False)


@pytest.mark.parametrize(
    ("built", "level"),
    [(0, "ok"), (INDEX_VERSION, "ok"), (INDEX_VERSION - 1, "warning"), (INDEX_VERSION + 1, "warning")],
)
def test_indexes_of_another_version(built: int, level: str) -> None:
    assert judge_indexes(built).level == level


@pytest.mark.parametrize(
    ("form", "level"),
    [
        (None, "ok"),
        (Form(FORM, OPEN_TO), "ok"),
        (Form(FORM + 1, FORM), "warning"),
        (Form(FORM + 1, FORM + 1), "bad"),
        (Form(FORM - 1, 1), "bad"),
    ],
)
def test_data_of_another_form(form: Form | None, level: str) -> None:
    assert judge_form(form).level == level
