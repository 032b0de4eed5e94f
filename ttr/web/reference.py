"""/docs/api: the OpenAPI document as a page, for people."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from quart import Response, current_app, render_template

from ttr import current
from ttr.web.reply import page
from ttr.web.security import visitor

_EVERYWHERE = ("400", "401", "404", "413", "429", "503")
_SHAPES = "#/components/schemas/"
_BASES_KEPT = 8
_ENDLESS = 10**9
_LINE = 60
_TYPES = {"string": "text", "integer": "whole number", "boolean": "true or false"}
_FORMATS = {
    "date-time": "moment",
    "uuid": "UUID",
    "binary": "file",
    "account-file": "file",
    "cron": "cron expression",
    "oncalendar": "OnCalendar expression",
    "time-zone": "time zone",
    "re2": "regular expression",
    "hook-url": "URL",
    "mail-address": "mail address",
    "cursor": "cursor",
}


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field or parameter: its type in words, each word with the shape it leads to or ""."""

    name: str
    words: tuple[tuple[str, str], ...]
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """What may come back under a status."""

    status: str
    about: str
    words: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class OperationView:
    """One operation as the page shows it."""

    name: str
    method: str
    path: str
    summary: str
    about: str
    public: bool
    parameters: tuple[FieldRow, ...]
    body: tuple[FieldRow, ...]
    choices: tuple[str, ...]
    form: tuple[FieldRow, ...]
    calls: tuple[tuple[str, str], ...]
    answers: tuple[AnswerRow, ...]
    refusals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """The operations under one tag."""

    name: str
    anchor: str
    about: str
    operations: tuple[OperationView, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """An object that answers hold."""

    name: str
    about: str
    fields: tuple[FieldRow, ...]


async def show() -> Response:
    """For everybody, signed in or not."""
    await visitor()
    return await page("reference/show.html", text=await _text(current.api_document(), current.base_url()))


async def _text(document: Mapping[str, Any], base: str) -> Markup:
    """Everything below the page's head: 300 kB that take 20 ms to render, so they are kept."""
    kept: dict[str, Markup] = current_app.extensions.setdefault("ttr_reference_texts", {})
    if base not in kept:
        text = await render_template(
            "reference/text.html",
            about=document["info"]["description"],
            version=document["info"]["version"],
            base_url=base,
            sections=sections(document, base),
            refusals=_refusals(document),
            shapes=shapes(document),
        )
        if len(kept) >= _BASES_KEPT:  # without PUBLIC_URL anybody can invent hosts
            kept.clear()
        kept[base] = Markup(text)  # noqa: S704  # Jinja has escaped it
    return kept[base]


def sections(document: Mapping[str, Any], base: str) -> list[Section]:
    """The operations of a document by tag, in its order; `base` is where curl finds the server."""
    found: dict[str, list[OperationView]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            found[said["tags"][0]].append(_operation(document, path, method, said, base))
    return [
        Section(
            tag["name"],
            tag["name"].lower().replace(" ", "-"),
            tag["description"],
            tuple(found[tag["name"]]),
        )
        for tag in document["tags"]
    ]


def shapes(document: Mapping[str, Any]) -> list[Shape]:
    """The objects of answers, and those inside bodies, by name. Bodies are shown where they are sent."""
    components = document["components"]["schemas"]
    answered = _answered(document)
    return [
        Shape(name, components[name].get("description", ""), tuple(_fields(components[name])))
        for name in sorted(answered)
    ]


def _answered(document: Mapping[str, Any]) -> set[str]:
    """The names of what answers hold, of what that holds, and of what stands inside bodies."""
    components = document["components"]["schemas"]
    said = [one for methods in document["paths"].values() for one in methods.values()]
    bodies = [
        _looked_up(document, content["schema"])
        for one in said
        for content in one.get("requestBody", {}).get("content", {}).values()
    ]
    text = json.dumps([[one["responses"] for one in said], bodies])
    found: set[str] = set()
    while fresh := {name for name in components if f'"{_SHAPES}{name}"' in text} - found:
        found |= fresh
        text = json.dumps([components[name] for name in fresh])
    return found


def _operation(
    document: Mapping[str, Any], path: str, method: str, said: Mapping[str, Any], base: str
) -> OperationView:
    content = said.get("requestBody", {}).get("content", {})
    body = _looked_up(document, content.get("application/json", {}).get("schema", {}))
    form = _looked_up(document, content.get("multipart/form-data", {}).get("schema", {}))
    named = {
        name: one["value"] for name, one in content.get("application/json", {}).get("examples", {}).items()
    }
    bodies = named or {f"{at}": one for at, one in enumerate(body.get("examples", []), 1)}
    calls = [
        (name if len(bodies) > 1 and named else "", _curl(path, method, said, base, one))
        for name, one in bodies.items()
    ]
    return OperationView(
        name=said["operationId"],
        method=method.upper(),
        path=path,
        summary=said["summary"],
        about=said["description"],
        public=said.get("security") == [],
        parameters=tuple(
            FieldRow(
                one["name"],
                tuple(_words(one["schema"])),
                one.get("required", False),
                one.get("description", ""),
            )
            for one in said["parameters"]
        ),
        body=tuple(_fields(body)),
        choices=tuple(_choices(body)),
        form=tuple(_fields(form)),
        calls=tuple(calls or [("", _curl(path, method, said, base, None))]),
        answers=tuple(
            AnswerRow(status, one["description"], tuple(_words(shape) if (shape := _json(one)) else ()))
            for status, one in said["responses"].items()
            if status not in _EVERYWHERE
        ),
        refusals=tuple(status for status in said["responses"] if status in _EVERYWHERE),
    )


def _json(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    content = answer.get("content", {})
    found: Mapping[str, Any] = content.get("application/json", {}).get("schema", {})
    return found or ({"format": "binary"} if content else {})


def _looked_up(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].removeprefix(_SHAPES)]
    return found


def _fields(schema: Mapping[str, Any]) -> Iterator[FieldRow]:
    required = schema.get("required", [])
    for name, said in schema.get("properties", {}).items():
        yield FieldRow(name, tuple(_words(said)), name in required, said.get("description", ""))


def _choices(schema: Mapping[str, Any]) -> Iterator[str]:
    """What belongs together, where a body has to be one of several."""
    for branches in (schema, *schema.get("allOf", [])):
        told = [
            f"{one['title']}: {', '.join(needed)}"
            for one in branches.get("anyOf", [])
            if "title" in one and (needed := one.get("required"))
        ]
        if len(told) > 1:
            yield "; ".join(told)


def _words(schema: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A type in words."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_SHAPES)
        yield name, name
    elif "anyOf" in schema:
        told: list[tuple[tuple[str, str], ...]] = []
        for one in sorted(schema["anyOf"], key=lambda one: one.get("type") == "null"):
            words = tuple(_words(one))
            if words and words not in told:
                told.append(words)
        for at, words in enumerate(told):
            if at:
                yield " or ", ""
            yield from words
    elif schema.get("type") == "array":
        yield "list of ", ""
        yield from _words(schema.get("items", {})) if schema.get("items") else iter([("anything", "")])
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


def _value(value: object) -> str:
    return '"' + value + '"' if isinstance(value, str) else json.dumps(value)


def _bounds(schema: Mapping[str, Any], kind: str) -> str:
    low, high, long = schema.get("minimum"), schema.get("maximum"), schema.get("maxLength")
    if kind in ("integer", "number") and low is not None and high is not None:
        return f" ({low:,} to {high:,})" if high < _ENDLESS else f" (from {low:,})"
    return f" (at most {long:,} characters)" if kind == "string" and long else ""


def _refusals(document: Mapping[str, Any]) -> list[AnswerRow]:
    """What every operation may answer, each once."""
    found: dict[str, str] = {}
    for methods in document["paths"].values():
        for said in methods.values():
            found |= {
                status: one["description"]
                for status, one in said["responses"].items()
                if status.startswith(("4", "5"))
            }
    return [AnswerRow(status, found[status], ()) for status in sorted(found)]


def _curl(path: str, method: str, said: Mapping[str, Any], base: str, body: object) -> str:
    """A line for the shell; $KEY is the access key."""
    for one in said["parameters"]:
        if one["in"] == "path":
            shown = one.get("example") or one["schema"].get("enum", ["…"])[0]
            path = path.replace("{" + one["name"] + "}", str(shown))
    parts = [("curl " if method == "get" else f"curl -X {method.upper()} ") + f"{base}{path}"]
    if said.get("security") != []:
        parts.append('-H "X-Auth-Key: $KEY"')
    if body is not None:
        parts += ['-H "Content-Type: application/json"', f"-d '{_shown(body)}'"]
    return " \\\n  ".join(parts)


def _shown(body: object) -> str:
    """JSON for a shell's single quotes; what is long has a line for each field."""
    text = json.dumps(body, ensure_ascii=False)
    if isinstance(body, dict) and len(text) > _LINE:
        fields = [
            f"    {json.dumps(name)}: {json.dumps(one, ensure_ascii=False)}" for name, one in body.items()
        ]
        text = "{\n" + ",\n".join(fields) + "\n  }"
    return text.replace("'", "'\\''")
