"""SECRET_KEY and ENCRYPTION_KEY: from the settings, else generated once into the data directory."""

import os
import secrets
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet

from ttr.masterkey import read_master_keys
from ttr.up.datadir import make_private, subfolder
from ttr.up.refusal import Refusal

_MAKE_FERNET_KEY = (
    'python3 -c "import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())"'  # a Fernet key
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The two secrets every process needs; neither shows in a repr."""

    secret_key: str = field(repr=False)
    encryption_key: str = field(repr=False)


def resolve_secrets(
    data_dir: Path, *, secret_key: str | None, encryption_key: str | None, production: bool
) -> Secrets:
    """The given secrets; a missing one is read from `DATA/secrets/`, and generated if it is not there.

    The files have mode 0600 and are made whole or not at all, so two processes that start at once agree.
    Raises Refusal if `production` and one is missing, or if the encryption key is no Fernet key.
    """
    refuse_bad_secrets(secret_key=secret_key, encryption_key=encryption_key, production=production)
    return Secrets(
        secret_key=secret_key or _kept(data_dir, "secret_key", lambda: secrets.token_urlsafe(48)),
        encryption_key=encryption_key or _kept_fernet_key(data_dir),
    )


def refuse_bad_secrets(*, secret_key: str | None, encryption_key: str | None, production: bool) -> None:
    """Raise Refusal for what `resolve_secrets` would refuse, without touching the disk."""
    missing = [
        name for name, value in (("SECRET_KEY", secret_key), ("ENCRYPTION_KEY", encryption_key)) if not value
    ]
    if production and missing:
        raise Refusal(
            f"{' and '.join(missing)} must be set when TTR_ENV is production. Make a value with "
            f"`{_MAKE_FERNET_KEY}`, a different one for each, and keep them: without ENCRYPTION_KEY "
            "the stored secrets can't be read."
        )
    if encryption_key:
        _check_fernet_key(encryption_key, "ENCRYPTION_KEY")


def kept_key(data_dir: Path) -> Path:
    """Where the encryption key is that is used when none is set."""
    return data_dir / "secrets" / "encryption_key"


def _kept_fernet_key(data_dir: Path) -> str:
    key = _kept(data_dir, "encryption_key", lambda: Fernet.generate_key().decode())
    _check_fernet_key(key, f"The key in {kept_key(data_dir)}")
    return key


def _check_fernet_key(key: str, name: str) -> None:
    try:
        read_master_keys(key)
    except ValueError as error:
        raise Refusal(f"{name} {error}. Make one with `{_MAKE_FERNET_KEY}`.") from None


def _kept(data_dir: Path, name: str, make: Callable[[], str]) -> str:
    path = subfolder(make_private(data_dir), "secrets") / name
    if not path.exists():
        _write_once(path, make())
    value = path.read_text(encoding="ascii", errors="replace").strip()
    if not value:
        raise Refusal(
            f"The secret in {path} is empty. Put the old value back: a new one can't read old data."
        )
    if path.stat().st_uid == os.geteuid():
        path.chmod(0o600)
    return value


def _write_once(path: Path, value: str) -> None:
    """Write a finished file and link it to its name, which fails if another process was first."""
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(value + "\n")
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()
