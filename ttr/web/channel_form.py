"""The form of a channel: from what was typed to what the use cases take, and back for a form that was refused. Pure.

Every kind's fields are rendered and read alike. A secret is never put into a page again, not even after an error.
"""

from collections.abc import Mapping

from ttr.channels.kind import Kind
from ttr.domain.invalid import FieldError

CLEAR = "clear_"
"""Before a secret's name: the box that removes the saved one."""

Values = dict[str, str]


def given(kind: Kind, form: Mapping[str, str]) -> dict[str, object]:
    """What the form changes of the kind's fields: an empty secret stays as it is, unless its box is ticked."""
    found: dict[str, object] = {}
    for field in kind.fields:
        typed = form.get(field.name, "").strip()
        if not field.secret:
            if field.name in form:
                found[field.name] = typed
        elif typed:
            found[field.name] = typed
        elif f"{CLEAR}{field.name}" in form:
            found[field.name] = ""
    return found


def clears(kind: Kind, form: Mapping[str, str]) -> bool:
    """Whether a saved secret is to be removed, without which no channel can be on."""
    changes = given(kind, form)
    return any(field.secret and changes.get(field.name) == "" for field in kind.fields)


def typed(kind: Kind, form: Mapping[str, str]) -> Values:
    """What may be shown again as it was typed: everything but the secrets."""
    secret = {field.name for field in kind.fields if field.secret}
    return {name: value for name, value in form.items() if name not in secret and name != "csrf_token"}


def errors_by_field(errors: tuple[FieldError, ...], shown: set[str]) -> dict[str, str]:
    """One text a field; "" holds what belongs to none that the form shows."""
    found: dict[str, str] = {}
    for error in errors:
        field = error.field if error.field in shown else ""
        found[field] = f"{found[field]} {error.message}" if field in found else error.message
    return found


def shown(kind: Kind) -> set[str]:
    """The names of the fields a form of this kind has."""
    return {field.name for field in kind.fields} | {"name"}
