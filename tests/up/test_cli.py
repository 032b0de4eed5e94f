"""The command line: its help, its refusals, and what a process run by hand finds."""

import socket
from pathlib import Path

import pytest

from tests.up.house import House, stand_in
from ttr.cli import main
from ttr.settings import load_settings
from ttr.up.port import refuse_taken_port
from ttr.up.refusal import Refusal
from ttr.up.standalone import missing_settings


@pytest.mark.parametrize("command", ["up", "web", "clock", "worker", "bot", "migrate"])
def test_every_command_has_help_and_takes_a_data_dir(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert "--data-dir DIR" in capsys.readouterr().out


def test_a_port_in_use_is_said_plainly(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = house.ttr("up", "--port", str(port))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"ttr up: Port {port} on 127.0.0.1 is in use by another program.")
    assert "Traceback" not in refused.stderr


def test_a_host_that_is_not_ours_is_said_plainly() -> None:
    with pytest.raises(Refusal, match=r"203\.0\.113\.1 is no address of this machine"):
        refuse_taken_port("203.0.113.1", 8000)


def test_a_bad_setting_is_named_without_a_traceback(house: House) -> None:
    refused = house.ttr("up", "--port", "70000")
    assert refused.returncode == 1
    assert refused.stderr.startswith("ttr up: PORT: ")


def test_a_data_dir_that_is_a_file_is_refused(house: House) -> None:
    house.data.write_text("not a folder")
    refused = house.ttr("up")
    assert refused.returncode == 1
    assert "can't be made" in refused.stderr


@pytest.mark.parametrize("command", ["web", "clock", "worker"])
def test_a_process_by_hand_without_redis_says_what_to_do(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert main([command, "--data-dir", str(tmp_path / "data")]) == 1
    assert "Run `ttr up`, which starts everything, or set REDIS_URL." in capsys.readouterr().err


def test_a_process_by_hand_uses_the_running_embedded_redis_and_its_secrets(house: House) -> None:
    run = house.up(stand_in("web", "web"))
    run.says("ttr is running at")
    found = missing_settings(load_settings({"TTR_DATA_DIR": str(house.data), "REDIS_URL": ""}))
    assert found["REDIS_URL"] == f"unix://{house.data}/redis/redis.sock"
    assert found["SECRET_KEY"] == (house.data / "secrets" / "secret_key").read_text().strip()
    assert run.stop() == 0


def test_nothing_is_missing_where_all_is_set(tmp_path: Path) -> None:
    key = "A" * 43 + "="
    given = {
        "REDIS_URL": "redis://x",
        "SECRET_KEY": "s",
        "ENCRYPTION_KEY": key,
        "TTR_DATA_DIR": str(tmp_path / "d"),
    }
    assert missing_settings(load_settings(given)) == {}
    assert not (tmp_path / "d").exists()
