"""/docs/api: the OpenAPI document as a page, for people."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from quart import Response, current_app, render_template

from ttr import current
from ttr.web.reply import page
from ttr.web.schema_words import SHAPES, choices, default_words, type_words
from ttr.web.security import visitor

_EVERYWHERE = ("400", "401", "404", "413", "429", "503")
_ENCODED = "application/x-www-form-urlencoded"
_BASES_KEPT = 8
_LINE = 60


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A field or parameter: its type in words, each word with the shape it leads to or "".

    `unless` is what holds when it is not sent, or "".
    """

    name: str
    words: tuple[tuple[str, str], ...]
    required: bool
    about: str
    unless: str


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
    admin: bool
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
    while fresh := {name for name in components if f'"{SHAPES}{name}"' in text} - found:
        found |= fresh
        text = json.dumps([components[name] for name in fresh])
    return found


def _operation(
    document: Mapping[str, Any], path: str, method: str, said: Mapping[str, Any], base: str
) -> OperationView:
    content = said.get("requestBody", {}).get("content", {})
    body = _looked_up(document, content.get("application/json", {}).get("schema", {}))
    forms = content.get("multipart/form-data") or content.get(_ENCODED, {})
    form = _looked_up(document, forms.get("schema", {}))
    named = {
        name: one["value"] for name, one in content.get("application/json", {}).get("examples", {}).items()
    }
    bodies = named or {f"{at}": one for at, one in enumerate((body or form).get("examples", []), 1)}
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
        public=_is_public(said),
        admin=not _is_public(said) and "security" in said,
        parameters=tuple(
            FieldRow(
                one["name"],
                tuple(type_words(one["schema"])),
                one.get("required", False),
                one.get("description", ""),
                default_words(one["schema"]),
            )
            for one in said["parameters"]
        ),
        body=tuple(_fields(body)),
        choices=tuple(choices(body)),
        form=tuple(_fields(form)),
        calls=tuple(calls or [("", _curl(path, method, said, base, None))]),
        answers=tuple(
            AnswerRow(status, one["description"], tuple(type_words(shape) if (shape := _json(one)) else ()))
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
    found: Mapping[str, Any] = document["components"]["schemas"][schema["$ref"].removeprefix(SHAPES)]
    return found


def _fields(schema: Mapping[str, Any]) -> Iterator[FieldRow]:
    required = schema.get("required", [])
    for name, said in schema.get("properties", {}).items():
        yield FieldRow(
            name,
            tuple(type_words(said)),
            name in required,
            said.get("description", ""),
            default_words(said),
        )


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


def _is_public(said: Mapping[str, Any]) -> bool:
    """Whether it needs nothing; what operators may close as well."""
    return said.get("security") == [] or {} in said.get("security", ())


def _curl(path: str, method: str, said: Mapping[str, Any], base: str, body: object) -> str:
    """A line for the shell; $AUTH_KEY is the access key, $ACCESS_TOKEN an admin's token."""
    for one in said["parameters"]:
        if one["in"] == "path":
            shown = one.get("example") or one["schema"].get("enum", ["…"])[0]
            path = path.replace("{" + one["name"] + "}", str(shown))
    query = [
        (one["name"], one["schema"]["examples"][0])
        for one in said["parameters"]
        if one["in"] == "query" and one["schema"].get("examples")
    ]
    address = f'"{base}{path}?{urlencode(query, safe=",")}"' if query else f"{base}{path}"
    parts = [("curl " if method == "get" else f"curl -X {method.upper()} ") + address]
    if not _is_public(said):
        opens = "Authorization: Bearer $ACCESS_TOKEN" if "security" in said else "X-Auth-Key: $AUTH_KEY"
        parts.append(f'-H "{opens}"')
    if isinstance(body, dict) and _ENCODED in said["requestBody"]["content"]:
        parts += [f'--data-urlencode "{name}={value}"' for name, value in body.items()]
    elif body is not None:
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
