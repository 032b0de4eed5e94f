"""Secrets at rest: each account has a data key, wrapped by the master key, that seals its channels' secrets.

Rotating the master key re-wraps one short value an account instead of every secret.
"""

from cryptography.fernet import Fernet, InvalidToken


class Unreadable(Exception):
    """A secret was sealed under another master key."""


def new_data_key(master: str) -> str:
    """A fresh data key, wrapped by the master key (a Fernet key)."""
    return Fernet(master).encrypt(Fernet.generate_key()).decode()


def seal(master: str, data_key: str, secret: str) -> str:
    """`secret` under the account's wrapped `data_key`. Raises Unreadable."""
    return _box(master, data_key).encrypt(secret.encode()).decode()


def unseal(master: str, data_key: str, sealed: str) -> str:
    """The secret in `sealed`. Raises Unreadable."""
    try:
        return _box(master, data_key).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("sealed under another key") from error


def _box(master: str, data_key: str) -> Fernet:
    try:
        return Fernet(Fernet(master).decrypt(data_key.encode()))
    except InvalidToken as error:
        raise Unreadable("the account's data key was wrapped by another ENCRYPTION_KEY") from error
