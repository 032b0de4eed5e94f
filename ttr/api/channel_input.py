"""What the API takes for a channel, as the document says it; `ttr/integrations.py` judges it.

Each kind says the form of its own fields (`Field.form`), so that no kind is named here.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model

from ttr.channels import KINDS, Kind
from ttr.domain.limits import NAME_MAX
from ttr.domain.text import BLANKS, line

_NAME = {"type": "string", "pattern": line(NAME_MAX)}
_FLAG = {"type": ["boolean", "null"]}
_EMPTY = ({"type": "null"}, {"type": "string", "pattern": BLANKS})


def _settings(kind: Kind) -> dict[str, Any]:
    """The fields of a kind; null and blanks clear one."""
    return {
        field.name: {
            "anyOf": [*_EMPTY, field.form],
            "description": f"{kind.label}: {field.label}."
            + (" Never shown again." if field.secret else "")
            + (f" {field.hint}" if field.hint else ""),
        }
        for field in kind.fields
    }


def _shared(*, unnamed: list[dict[str, Any]]) -> dict[str, Any]:
    """The fields of a channel of any kind, and those of all kinds."""
    shared: dict[str, Any] = {
        "kind": {"enum": list(KINDS), "description": "Where it leads."},
        "name": {"anyOf": [*unnamed, _NAME], "description": "What people call it."},
        "enabled": _FLAG | {"description": "Whether messages leave through it."},
        "default": _FLAG | {"description": "Whether new checks get it."},
    }
    for kind in KINDS.values():
        shared |= _settings(kind)
    return shared


def _example(kind: Kind) -> dict[str, Any]:
    return {field.name: (field.form.get("examples") or [""])[0] for field in kind.fields}


def _say_new(schema: dict[str, Any]) -> None:
    """A channel that is on needs all fields of its kind."""
    schema["properties"] = _shared(unnamed=[{"type": "null"}, {"const": ""}])
    schema["required"] = ["kind"]
    schema["anyOf"] = [
        {"title": "off", "properties": {"enabled": {"const": False}}, "required": ["enabled"]},
        *(
            {
                "title": f"{kind.label}, on",
                "properties": {
                    "kind": {"const": kind.name},
                    **{field.name: _filled(field.form) for field in kind.fields},
                },
                "required": [field.name for field in kind.fields],
            }
            for kind in KINDS.values()
        ),
    ]


def _filled(form: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in form.items() if key != "examples"}


def _say_change(schema: dict[str, Any]) -> None:
    """Any field; what is left out stays."""
    schema["properties"] = _shared(unnamed=[{"type": "null"}])


NEW_EXAMPLES = {
    kind.label: {"kind": kind.name, "name": "Operations", **_example(kind)} for kind in KINDS.values()
}
CHANGE_EXAMPLES = {"Off, under another name": {"name": "Operations at night", "enabled": False}}


class ChannelInput(BaseModel):
    """A new channel. One that is on needs all settings of its kind; what other kinds need is not kept."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_say_new)


class ChannelChange(BaseModel):
    """What is to change about a channel; what is left out stays, null or blanks clear a setting."""

    model_config = ConfigDict(extra="allow", json_schema_extra=_say_change)


def _own(kind: Kind) -> type[BaseModel]:
    def say(schema: dict[str, Any]) -> None:
        switch = f"{kind.name}_enabled"
        schema["properties"] = {
            switch: _FLAG | {"description": "Whether messages leave through it."},
            **_settings(kind),
        }
        schema["examples"] = [{switch: True, **_example(kind)}]

    made: type[BaseModel] = create_model(
        f"Own{kind.name.capitalize()}Input",
        __config__=ConfigDict(extra="allow", json_schema_extra=say),
        __doc__=f"What is to change about the check's own {kind.label} channel; what is left out stays.",
    )
    return made


OWN_INPUTS: dict[str, type[BaseModel]] = {name: _own(kind) for name, kind in KINDS.items()}
"""By kind: the fields of the channel that one check has to itself."""
