"""The types of the OpenAPI document in words, for people."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

SHAPES = "#/components/schemas/"
"""What a reference to a shape begins with."""
_ENDLESS = 10**9
_TYPES = {"string": "text", "integer": "whole number", "boolean": "true or false"}
_FORMATS = {
    "date-time": "moment",
    "uuid": "UUID",
    "ipv4": "IPv4 address",
    "ipv6": "IPv6 address",
    "binary": "file",
    "account-file": "file",
    "cron": "cron expression",
    "oncalendar": "OnCalendar expression",
    "time-zone": "time zone",
    "re2": "regular expression",
    "hook-url": "URL",
    "mail-address": "mail address",
    "network": "network (CIDR)",
    "origin": "origin",
    "cursor": "cursor",
}


def choices(schema: Mapping[str, Any]) -> Iterator[str]:
    """What belongs together, where a body has to be one of several."""
    for branches in (schema, *schema.get("allOf", [])):
        told = [
            f"{one['title']}: {', '.join(needed)}"
            for one in branches.get("anyOf", [])
            if "title" in one and (needed := one.get("required"))
        ]
        if len(told) > 1:
            yield "; ".join(told)


def type_words(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A type in words: each part with the shape that it leads to, or ""."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(SHAPES)
        yield name, name
    elif "anyOf" in schema:
        told: list[tuple[tuple[str, str], ...]] = []
        for one in sorted(schema["anyOf"], key=lambda one: one.get("type") == "null"):
            words = tuple(type_words(one))
            if words and words not in told:
                told.append(words)
        for at, words in enumerate(told):
            if at:
                yield " or ", ""
            yield from words
    elif schema.get("type") == "array":
        yield "list of ", ""
        yield from type_words(schema.get("items", {})) if schema.get("items") else iter([("anything", "")])
    elif "enum" in schema or "const" in schema:
        yield " or ".join(_value(one) for one in schema.get("enum", [schema.get("const")])), ""
    elif "format" in schema and schema["format"] in _FORMATS:
        yield _FORMATS[schema["format"]] + (" or null" if "null" in schema.get("type", "") else ""), ""
    elif "type" in schema:
        kinds = list(schema["type"]) if isinstance(schema["type"], list) else [schema["type"]]
        kinds.sort(key=lambda kind: kind == "null")
        yield " or ".join(_TYPES.get(kind, kind) + _bounds(schema, kind) for kind in kinds), ""
    else:
        yield "anything", ""


def default_words(schema: Mapping[str, Any]) -> str:
    """What holds when nothing is sent; "" when there is no such thing, or it is nothing itself."""
    default = schema.get("default")
    return "" if default in (None, "") else _value(default)


def _value(value: object) -> str:
    return '"' + value + '"' if isinstance(value, str) else json.dumps(value)


def _bounds(schema: Mapping[str, Any], kind: str) -> str:
    low, high, long = schema.get("minimum"), schema.get("maximum"), schema.get("maxLength")
    if kind in ("integer", "number") and low is not None and high is not None:
        return f" ({low:,} to {high:,})" if high < _ENDLESS else f" (from {low:,})"
    return f" (at most {long:,} characters)" if kind == "string" and long else ""
