"""Secrets in a file, under a passphrase that only its owner knows: scrypt makes a key of it, Fernet seals under that.

Each entry's secrets are a text of their own, so entries can be taken out of a file or edited without the passphrase.
Making the key takes 0.1 s of a processor and 32 MB on purpose: call it in a thread.
"""

import json
import os
import re
import unicodedata
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ttr.domain import limits
from ttr.domain.invalid import FieldError, Invalid

_COST, _BLOCK, _LANES = 2**15, 8, 1
_SALT_BYTES = 16
_WORD = b"ttr"
_SALT = re.compile(r"[A-Za-z0-9+/]{22}==")


def judge_passphrase(passphrase: str) -> None:
    """Raise Invalid for a passphrase that is longer than any that seals a file."""
    if len(passphrase) > limits.PASSPHRASE_MAX:
        raise Invalid([FieldError("passphrase", f"At most {limits.PASSPHRASE_MAX} characters.")])


def new_box(passphrase: str) -> tuple[dict[str, object], Fernet]:
    """What a file must hold so that the passphrase opens it again, and what seals under the passphrase.

    Raises Invalid for a passphrase that is too long.
    """
    salt = os.urandom(_SALT_BYTES)
    box = _box(passphrase, salt)
    head: dict[str, object] = {"kdf": "scrypt", "n": _COST, "r": _BLOCK, "p": _LANES}
    return {**head, "salt": b64encode(salt).decode(), "proof": box.encrypt(_WORD).decode()}, box


def open_box(head: object, passphrase: str) -> Fernet:
    """What opens the secrets of a file with this `head`. Raises Invalid, also for the wrong passphrase.

    No other cost than ours is taken: a file could ask for all memory there is.
    """
    if not isinstance(head, dict) or (head.get("kdf"), head.get("n"), head.get("r"), head.get("p")) != (
        "scrypt",
        _COST,
        _BLOCK,
        _LANES,
    ):
        raise Invalid(
            [FieldError("secrets", "These secrets were not sealed here; take them out of the file.")]
        )
    salt, proof = head.get("salt"), head.get("proof")
    if not isinstance(salt, str) or not _SALT.fullmatch(salt) or not isinstance(proof, str):
        raise Invalid([FieldError("secrets", "The salt or the proof is damaged.")])
    box = _box(passphrase, b64decode(salt))
    try:
        box.decrypt(proof.encode())
    except (InvalidToken, ValueError):
        raise Invalid([FieldError("passphrase", "This is not the passphrase of this file.")]) from None
    return box


def seal_object(box: Fernet, secrets: Mapping[str, object]) -> str:
    """A JSON object as text that only the passphrase opens."""
    return box.encrypt(json.dumps(secrets).encode()).decode()


def open_object(box: Fernet, sealed: str) -> dict[str, object] | None:
    """What `seal_object` sealed; None for anything else."""
    try:
        found = json.loads(box.decrypt(sealed.encode()))
    except (InvalidToken, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _box(passphrase: str, salt: bytes) -> Fernet:
    # Before anything else is done with it: to normalize 80,000 accents takes 5 s in which no other thread runs.
    judge_passphrase(passphrase)
    # An umlaut is one character or two, depending on the keyboard.
    typed = unicodedata.normalize("NFKC", passphrase).encode("utf-8", "surrogatepass")
    key = Scrypt(salt=salt, length=32, n=_COST, r=_BLOCK, p=_LANES).derive(typed)
    return Fernet(urlsafe_b64encode(key))
