"""Bad input: which field, and one sentence a person understands, whatever door it came through."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError

M = TypeVar("M", bound=BaseModel)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""Marks a whole number in JSON, where 60.0 is one too: JSON has one kind of number, and JSON Schema says so. Bounds
stand before it (`Annotated[int, Field(ge=1), WHOLE]`), or the document loses them.
"""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong; `field` is "" when it concerns the whole input."""

    field: str
    message: str


class Invalid(Exception):
    """Input that was refused; nothing was changed."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(f"{e.field}: {e.message}" if e.field else e.message for e in self.errors))


class Contradiction(Invalid):
    """Input that is right by itself but not with what is stored or set up here; nothing was changed."""


def parse_json(model: type[M], body: bytes) -> M:
    """The model in a JSON body, strictly typed (`true` and "60" are no integers). Raises Invalid."""
    if not body.strip():
        raise Invalid([FieldError("", "A JSON object is needed; the body is empty.")])
    try:
        return model.model_validate_json(body, strict=True)
    except ValidationError as error:
        raise Invalid(_field_errors(error)) from None


def parse_object(model: type[M], fields: Mapping[str, Any]) -> M:
    """The model in a JSON object that was decoded already, typed as strictly. Raises Invalid."""
    try:
        return model.model_validate(dict(fields), strict=True)
    except ValidationError as error:
        raise Invalid(_field_errors(error)) from None


def parse_form(model: type[M], fields: Mapping[str, Any]) -> M:
    """The model in the strings of a form; "60" and "on" are values there. Raises Invalid."""
    known = {name: value for name, value in fields.items() if name in model.model_fields}
    try:
        return model.model_validate(known, strict=False)
    except ValidationError as error:
        raise Invalid(_field_errors(error)) from None


def has_control(text: str, allowed: str = "") -> bool:
    """Whether `text` holds a control, surrogate or unassigned-separator character outside `allowed`."""
    return any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") and c not in allowed for c in text)


def _field_errors(error: ValidationError) -> list[FieldError]:
    found = []
    for item in error.errors(include_url=False, include_input=False):
        # The path of a union's branch ends in the branch's name; people know only the field.
        field = str(item["loc"][0]) if item["loc"] else ""
        entry = FieldError(field, _sentence(item["type"], item["msg"], item.get("ctx") or {}))
        if entry not in found:
            found.append(entry)
    return found


def _sentence(kind: str, message: str, context: Mapping[str, Any]) -> str:
    match kind:
        case "missing":
            return "This field is required."
        case "greater_than_equal":
            return f"At least {context['ge']:,}."
        case "less_than_equal":
            return f"At most {context['le']:,}."
        case "string_too_long":
            return f"At most {context['max_length']:,} characters."
        case "string_too_short":
            least = context["min_length"]
            return f"At least {least:,} characters." if least > 1 else "This can't be empty."
        case "too_long":
            return f"At most {context['max_length']:,}."
        case "too_short":
            return f"At least {context['min_length']:,}."
        case "json_invalid":
            return f"The body is not JSON: {context.get('error', 'unreadable')}."
        case "value_error":
            return message.removeprefix("Value error, ")
        case "int_type" | "int_parsing" | "int_from_float" | "int_parsing_size":
            return "A whole number is needed."
        case "bool_type" | "bool_parsing":
            return "true or false is needed."
        case "string_type" | "string_unicode":
            return "Text is needed."
        case "literal_error":
            return f"One of {context['expected']} is needed."
        case "model_type" | "model_attributes_type":
            return "A JSON object is needed."
        case "list_type" | "tuple_type":
            return "A list is needed."
    return message
