"""Secrets at rest: each account has a data key, wrapped by the master key, that seals its channels' secrets.

Replacing the master key re-wraps one short value an account instead of every secret. `master` is always
ENCRYPTION_KEY as it was set: Fernet keys, comma separated, newest first. The first wraps, each unwraps.
"""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from ttr.masterkey import read_master_keys


class Unreadable(Exception):
    """A secret was sealed under a key that is not here."""


def new_data_key(master: str) -> str:
    """A fresh data key, wrapped by the newest master key."""
    return _master(master).encrypt(Fernet.generate_key()).decode()


def rewrapped(master: str, wrapped: str) -> str:
    """`wrapped` as it is if the newest master key wrapped it, else the same under the newest. Raises Unreadable."""
    try:
        Fernet(read_master_keys(master)[0]).decrypt(wrapped.encode())
    except InvalidToken:
        try:
            return _master(master).rotate(wrapped.encode()).decode()
        except InvalidToken as error:
            raise Unreadable("wrapped by a key that ENCRYPTION_KEY does not hold") from error
    return wrapped


def seal(master: str, data_key: str, secret: str) -> str:
    """`secret` under the account's wrapped `data_key`. Raises Unreadable."""
    return _box(master, data_key).encrypt(secret.encode()).decode()


def unseal(master: str, data_key: str, sealed: str) -> str:
    """The secret in `sealed`. Raises Unreadable."""
    try:
        return _box(master, data_key).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("sealed under another key") from error


def seal_bytes(master: str, data_key: str, data: bytes) -> bytes:
    """As `seal`, of bytes."""
    return _box(master, data_key).encrypt(data)


def unseal_bytes(master: str, data_key: str, sealed: bytes) -> bytes:
    """As `unseal`, of bytes. Raises Unreadable."""
    try:
        return _box(master, data_key).decrypt(sealed)
    except InvalidToken as error:
        raise Unreadable("sealed under another key") from error


def new_word(master: str) -> str:
    """A known word under the newest master key, by which a wrong one is told."""
    return _master(master).encrypt(b"ttr").decode()


def _master(master: str) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in read_master_keys(master)])


def _box(master: str, data_key: str) -> Fernet:
    try:
        return Fernet(_master(master).decrypt(data_key.encode()))
    except InvalidToken as error:
        raise Unreadable("the account's data key was wrapped by another ENCRYPTION_KEY") from error
