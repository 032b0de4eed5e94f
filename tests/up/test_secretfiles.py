"""Secrets are generated once and kept to their owner; production asks for its own."""

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.up.house import House
from ttr.up.refusal import Refusal
from ttr.up.secretfiles import resolve_secrets


def test_missing_secrets_are_generated_once_with_mode_0600(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = resolve_secrets(data, secret_key=None, encryption_key=None, production=False)
    again = resolve_secrets(data, secret_key=None, encryption_key=None, production=False)
    assert first == again
    assert len(first.secret_key) >= 32
    Fernet(first.encryption_key.encode())
    files = sorted((data / "secrets").iterdir())
    assert [path.name for path in files] == ["encryption_key", "secret_key"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600, 0o600]
    assert stat.S_IMODE((data / "secrets").stat().st_mode) == 0o700
    assert first.secret_key not in repr(first)


def test_two_directories_have_different_secrets(tmp_path: Path) -> None:
    one, two = (
        resolve_secrets(tmp_path / name, secret_key=None, encryption_key=None, production=False)
        for name in "ab"
    )
    assert one.secret_key != two.secret_key
    assert one.encryption_key != two.encryption_key


def test_given_secrets_are_used_and_nothing_is_written(tmp_path: Path) -> None:
    key = Fernet.generate_key().decode()
    given = resolve_secrets(tmp_path / "data", secret_key="given", encryption_key=key, production=True)
    assert (given.secret_key, given.encryption_key) == ("given", key)
    assert not (tmp_path / "data").exists()


def test_a_secret_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    resolve_secrets(tmp_path, secret_key=None, encryption_key=None, production=False)
    path = tmp_path / "secrets" / "secret_key"
    path.chmod(0o644)
    resolve_secrets(tmp_path, secret_key=None, encryption_key=None, production=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_folders_that_were_there_keep_their_mode(tmp_path: Path) -> None:
    above = tmp_path / "home"
    above.mkdir(mode=0o700)
    data = above / "data"
    data.mkdir(mode=0o750)
    data.chmod(0o750)
    resolve_secrets(data, secret_key=None, encryption_key=None, production=False)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (above, data)] == [0o700, 0o750]


@pytest.mark.parametrize(
    ("secret", "named"), [(None, "SECRET_KEY and ENCRYPTION_KEY"), ("given", "ENCRYPTION_KEY")]
)
def test_production_refuses_missing_secrets_and_makes_none(
    tmp_path: Path, secret: str | None, named: str
) -> None:
    with pytest.raises(Refusal, match=f"^{named} must be set when TTR_ENV is production"):
        resolve_secrets(tmp_path, secret_key=secret, encryption_key=None, production=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["not-a-key", "a" * 44 + "!", "ü" * 44])
def test_an_encryption_key_that_is_no_fernet_key_is_refused_and_not_repeated(
    tmp_path: Path, key: str
) -> None:
    with pytest.raises(Refusal, match=r"^ENCRYPTION_KEY is not a Fernet key") as refused:
        resolve_secrets(tmp_path, secret_key="given", encryption_key=key, production=False)
    assert key not in str(refused.value)


def test_ttr_up_refuses_in_production_before_it_touches_anything(house: House) -> None:
    refused = house.ttr("up", TTR_ENV="production")
    assert refused.returncode == 1
    assert "SECRET_KEY and ENCRYPTION_KEY must be set" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not house.data.exists()
