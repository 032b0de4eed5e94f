"""The banner says where ttr is and what to do first, or what is wrong."""

from pathlib import Path

import pytest

from tests.up.house import House, stand_in
from ttr.up.banner import Health, base_url, compose, wait_until_healthy


def banner(health: Health) -> str:
    return compose(
        health,
        url="http://127.0.0.1:8000",
        data_dir=Path("/data"),
        redis="Valkey 9.1.2",
        postgres="off: no room",
        telegram="off: not set up",
    )


def test_it_shows_the_first_three_calls_the_data_and_the_servers() -> None:
    text = banner(Health(200, "{}"))
    assert "ttr is running at http://127.0.0.1:8000" in text
    assert "curl -X POST http://127.0.0.1:8000/api/v1/keys\n" in text
    assert "curl PING_URL\n" in text
    assert "Data      /data\n" in text
    assert "Redis     Valkey 9.1.2\n" in text
    assert "Postgres  off: no room\n" in text
    assert "Telegram  off: not set up\n" in text
    assert text.endswith("Ctrl-C stops everything.\n")


def test_it_says_what_is_wrong_instead() -> None:
    assert 'not ready: GET /health answers 503 {"clock": "late"}\n' in banner(Health(503, '{"clock":"late"}'))
    silent = banner(Health(0, "nothing listens there"))
    assert "not ready: GET /health does not answer (nothing listens there)." in silent
    assert "curl" not in silent


async def test_a_port_where_nothing_listens_is_waited_for_and_then_reported(house: House) -> None:
    health = await wait_until_healthy("127.0.0.1", house.port, within=0.3)
    assert health == Health(0, "nothing listens there")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("ttr.test", "http://ttr.test:80"),
    ],
)
def test_the_address_is_one_that_can_be_opened(host: str, url: str) -> None:
    assert base_url(host, 80) == url


def test_a_public_url_is_what_the_banner_shows(house: House) -> None:
    run = house.up(stand_in("web", "web"), PUBLIC_URL="https://ttr.test/")
    run.says(r"ttr is running at https://ttr\.test$")
    assert run.stop() == 0


def test_the_bot_is_left_out_unless_it_is_set_up(house: House) -> None:
    procfile = f"{stand_in('web', 'web')}\nbot: exec sh -c 'echo I am the bot; exec sleep 60'\n"
    run = house.up(procfile)
    run.says("Telegram  off: nobody logs in by it unless TELEGRAM_AUTH_ENABLED is set")
    assert run.stop() == 0
    assert "I am the bot" not in run.output
    bot = {"TELEGRAM_BOT_NAME": "AcmeJobsBot", "TELEGRAM_BOT_TOKEN": "1234:s3cr3t-token-of-a-bot"}
    run = house.up(procfile, TELEGRAM_AUTH_ENABLED="true", **bot)
    run.says("I am the bot")
    run.says("Telegram  logins by @AcmeJobsBot")
    assert run.stop() == 0
