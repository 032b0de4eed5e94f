"""What an admin's name and password may be. Pure."""

import re

from ttr.domain.limits import ADMIN_NAME_MAX, ADMIN_PASSWORD_MAX, ADMIN_PASSWORD_MIN

_NAME = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{ADMIN_NAME_MAX - 1}}}", re.ASCII)


def is_admin_name(text: str) -> bool:
    """Whether an admin may have this name."""
    return _NAME.fullmatch(text) is not None


def admin_name_fault(text: str) -> str | None:
    """Why an admin can't have this name, as a sentence; None when one can."""
    if is_admin_name(text):
        return None
    return (
        f"A name has 1 to {ADMIN_NAME_MAX} of a-z, 0-9, dot, underscore and hyphen; a letter or digit first."
    )


def password_fault(text: str) -> str | None:
    """Why this can't be a password, as a sentence that does not quote it; None when it can.

    Its length alone is judged: rules about kinds of characters make passwords worse.
    """
    if len(text) < ADMIN_PASSWORD_MIN:
        return f"A password has at least {ADMIN_PASSWORD_MIN} characters; a sentence is a good one."
    if len(text) > ADMIN_PASSWORD_MAX:
        return f"A password has at most {ADMIN_PASSWORD_MAX:,} characters."
    return None
