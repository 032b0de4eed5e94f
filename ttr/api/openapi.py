"""The OpenAPI document: built from the routes, what `operation` says of them, and the models that validate."""

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter
from quart import Quart, Response, current_app, request
from werkzeug.routing import Rule

from ttr import __version__
from ttr.api.describe import TAGS, Operation, described, operation
from ttr.api.errors import ProblemJson
from ttr.channels import KINDS

PREFIX = "/api/v1/"
_EXTENSION = "ttr_openapi"
_VARIABLE = re.compile(r"<(?:[^<>:]*:)?([^<>:]+)>")
_REF = "#/components/schemas/{model}"

_ABOUT = """\
Everything the pages do, as JSON. Make an account with one call, keep its access key, and send it in the
`X-Auth-Key` header. Times are ISO 8601 UTC, durations seconds. A check in a path is its number, its UUID or its slug.
Unknown fields of a body are ignored, so an answer can be sent back. Every refusal has the same shape."""

_PARAMETERS: dict[str, dict[str, Any]] = {
    "check": {
        "description": "The check's number, UUID or slug.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,100}$"},
        "example": "nightly-backup",
    },
    "channel": {
        "description": "The channel's number.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999_999_999},
        "example": 1,
    },
    "kind": {"description": "A kind of channel.", "schema": {"enum": list(KINDS)}},
    "delivery": {
        "description": "The delivery's id, as the log shows it.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,100}$"},
    },
    "page": {
        "description": "The status page's number.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999_999_999},
        "example": 1,
    },
    "key": {
        "description": "The access key's id, as the list shows it.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "example": "0123456789abcdef",
    },
    "session": {
        "description": "The login's id, as the list shows it.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
        "example": "0123456789abcdef",
    },
    "number": {
        "description": "The ping's number, as the log shows it.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 999_999_999},
        "example": 1,
    },
    "slug": {
        "description": "A slug.",
        "schema": {"type": "string", "pattern": "^[a-z0-9_-]{1,100}$"},
        "example": "quiet-otter",
    },
}

_REFUSALS = {
    400: "The request can't be right as it is, whatever is stored.",
    401: "No access key, or one that opens no account; for admins, no token, or one that opens nothing.",
    403: "The access key only reads, or is bound to other addresses or origins; or a page of another site has sent it.",
    404: "The account has no such thing.",
    409: "The request is right by itself, but not with what is stored or set up here.",
    413: "The body is too large.",
    415: "The body is in another format.",
    429: "Too many requests, or a message that may not leave yet; Retry-After says when.",
    503: "The database is away for the moment; Retry-After says when to try again.",
}
_ANSWERS = {
    200: "Done.",
    201: "Made.",
    202: "Taken on; it happens soon.",
    204: "Done.",
    304: "As you have it.",
}

_HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {
        "description": "Names this state of the answer; send it back in If-None-Match.",
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": "What is left of the scarcest limit, and in how many seconds it is whole again.",
        "schema": {"type": "string"},
        "example": '"api-key";r=599;t=1',
    },
    "RateLimit-Policy": {
        "description": "The limit itself: how many requests in how many seconds.",
        "schema": {"type": "string"},
        "example": '"api-key";q=600;w=60',
    },
    "Retry-After": {
        "description": "Seconds to wait before the next try.",
        "schema": {"type": "integer", "minimum": 1},
    },
}


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path, with what its view says of itself."""

    path: str
    method: str
    name: str
    about: str
    kind: str
    variables: tuple[str, ...]
    said: Operation


class Undescribed(Exception):
    """A route below /api/v1 without an `operation`."""


def routes(app: Quart) -> Iterator[Route]:
    """The routes of the API in the map's order; one whose body depends on the `kind` in its path comes once for each
    kind. Raises Undescribed.
    """
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith(PREFIX):
            continue
        view = app.view_functions[rule.endpoint]
        said = described(view)
        if said is None:
            raise Undescribed(f"{rule.rule} ({rule.endpoint})")
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield from _of_rule(rule, method, view, said)


def build(app: Quart) -> dict[str, Any]:
    """The document of an app's API. Raises Undescribed."""
    found = list(routes(app))
    schemas, components = _schemas(found)
    paths: dict[str, dict[str, Any]] = {}
    for route in found:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    used = {route.said.tag for route in found}
    made: dict[str, Any] = _tidied(
        {
            "openapi": "3.1.0",
            "info": {"title": "ttr", "version": __version__, "description": _ABOUT},
            "servers": [{"url": "/"}],
            "tags": [{"name": name, "description": about} for name, about in TAGS.items() if name in used],
            "security": [{"key": []}],
            "paths": paths,
            "components": {
                "securitySchemes": {
                    "key": {
                        "type": "apiKey",
                        "in": "header",
                        "name": "X-Auth-Key",
                        "description": "The account's access key, shown when it was made and never again.",
                    },
                    "admin": {
                        "type": "http",
                        "scheme": "bearer",
                        "bearerFormat": "JWT",
                        "description": "An admin's access token, which POST /api/v1/token gives.",
                    },
                },
                "headers": _HEADERS,
                "schemas": {_plain(name): schema for name, schema in components.items()},
            },
        }
    )
    return made


def document(app: Quart) -> dict[str, Any]:
    """The document of a running app, built once."""
    if _EXTENSION not in app.extensions:
        app.extensions[_EXTENSION] = build(app)
    found: dict[str, Any] = app.extensions[_EXTENSION]
    return found


@operation("The OpenAPI document", tag="Account", answers={200: dict, 304: None}, public=True, storeless=True)
async def show() -> Response:
    """What the API takes and answers, for machines."""
    text = json.dumps(document(current_app._get_current_object()), ensure_ascii=False)  # type: ignore[attr-defined]
    answer = Response(text, mimetype="application/json")
    answer.headers["Cache-Control"] = "public, max-age=300"
    answer.set_etag(hashlib.sha256(text.encode()).hexdigest()[:32])
    return await answer.make_conditional(request)


def _of_rule(rule: Rule, method: str, view: Callable[..., Any], said: Operation) -> Iterator[Route]:
    path = _VARIABLE.sub(r"{\1}", rule.rule)
    variables = tuple(_VARIABLE.findall(rule.rule))
    name = f"{view.__module__.rpartition('.')[2]}_{view.__name__}"
    about = inspect.getdoc(view) or ""
    if not isinstance(said.body, Mapping):
        yield Route(path, method, name, about, "", variables, said)
        return
    rest = tuple(one for one in variables if one != "kind")
    for kind in KINDS:
        yield Route(path.replace("{kind}", kind), method, f"{name}_{kind}", about, kind, rest, said)


def _schemas(found: Iterable[Route]) -> tuple[dict[tuple[Any, str], dict[str, Any]], dict[str, Any]]:
    """The schema of every model and answer, most of them references, and what they refer to."""
    wanted: dict[tuple[Any, Any], TypeAdapter[Any]] = {}
    for route in found:
        said = route.said
        for model in (_body(route), said.form, said.encoded):
            if model is not None:
                wanted[(model, "validation")] = TypeAdapter(model)
        for answer in [*said.answers.values(), ProblemJson]:
            if answer not in (None, bytes):
                wanted[(answer, "serialization")] = TypeAdapter(answer)
    made, shared = TypeAdapter.json_schemas(
        [(key, key[1], adapter) for key, adapter in wanted.items()], ref_template=_REF
    )
    schemas = {key: dict(made[(key, key[1])]) for key in wanted}
    return schemas, dict(shared.get("$defs", {}))


def _body(route: Route) -> type[BaseModel] | None:
    body = route.said.body
    return body[route.kind] if isinstance(body, Mapping) else body


def _operation(route: Route, schemas: Mapping[tuple[Any, str], dict[str, Any]]) -> dict[str, Any]:
    said, body = route.said, _body(route)
    shown: dict[str, Any] = {
        "operationId": route.name,
        "summary": said.summary,
        "description": route.about,
        "tags": [said.tag],
        "parameters": [_path_parameter(name) for name in route.variables] + _query(said.query),
        "responses": {},
    }
    if said.public:
        # One that operators may close: nothing, or an admin's token.
        shown["security"] = [{}, {"admin": []}] if said.admin else []
    elif said.admin:
        shown["security"] = [{"admin": []}]
    content: dict[str, Any] = {}
    if body is not None:
        content["application/json"] = {"schema": schemas[(body, "validation")]}
        if said.examples:
            content["application/json"]["examples"] = {
                name: {"value": value} for name, value in said.examples.items()
            }
    if said.form is not None:
        content["multipart/form-data"] = {"schema": schemas[(said.form, "validation")]}
    if said.encoded is not None:
        content["application/x-www-form-urlencoded"] = {"schema": schemas[(said.encoded, "validation")]}
    if content:
        shown["requestBody"] = {"required": True, "content": content}
    for status, answer in said.answers.items():
        shown["responses"][str(status)] = _answer(status, answer, schemas, tagged=304 in said.answers)
    for status in refusals(route):
        if str(status) not in shown["responses"]:
            shown["responses"][str(status)] = _refusal(status, schemas)
    shown["responses"] = dict(sorted(shown["responses"].items()))
    return shown


def refusals(route: Route) -> list[int]:
    """The statuses below which a route may refuse."""
    said = route.said
    body = any(one is not None for one in (said.body, said.form, said.encoded))
    found = set(said.refusals)
    found |= {400} if body or said.query is not None else set()
    found |= {413} if body else set()
    # An admin's token is bound to no address.
    found |= set() if said.public else {401} if said.admin else {401, 403}
    found |= {404} if route.variables else set()
    found |= set() if said.storeless else {429, 503}
    return sorted(found)


def _answer(
    status: int, answer: Any, schemas: Mapping[tuple[Any, str], dict[str, Any]], *, tagged: bool
) -> dict[str, Any]:
    shown: dict[str, Any] = {"description": _ANSWERS.get(status) or _REFUSALS[status], "headers": {}}
    if tagged and status < 400:
        shown["headers"]["ETag"] = {"$ref": "#/components/headers/ETag"}
    shown["headers"] |= _limit_headers()
    if answer is bytes:
        shown["content"] = {"application/octet-stream": {}}
    elif answer is not None:
        shown["content"] = {"application/json": {"schema": schemas[(answer, "serialization")]}}
    return shown


def _refusal(status: int, schemas: Mapping[tuple[Any, str], dict[str, Any]]) -> dict[str, Any]:
    shown = _answer(status, ProblemJson, schemas, tagged=False)
    if status in (429, 503):
        shown["headers"]["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    return shown


def _limit_headers() -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit", "RateLimit-Policy")}


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, **_PARAMETERS[name]}


def _query(model: type[BaseModel] | None) -> list[dict[str, Any]]:
    if model is None:
        return []
    schema = model.model_json_schema()
    needed = schema.get("required", [])
    shown = []
    for name, said in schema["properties"].items():
        described = {key: value for key, value in said.items() if key != "description"}
        parameter: dict[str, Any] = {"name": name, "in": "query", "schema": described}
        if "description" in said:
            parameter["description"] = said["description"]
        if name in needed:
            parameter["required"] = True
        shown.append(parameter)
    return shown


def _tidied(value: Any) -> Any:
    """The document without the titles that pydantic makes of names: they say nothing."""
    if isinstance(value, list):
        return [_tidied(one) for one in value]
    if not isinstance(value, dict):
        return value
    tidied: dict[str, Any] = {}
    for key, one in value.items():
        if key in ("properties", "schemas", "$defs") and isinstance(one, dict):
            tidied[key] = {name: _tidied(_untitled(said)) for name, said in one.items()}
        elif key == "$ref":
            tidied[key] = _plain(one)
        else:
            tidied[key] = _tidied(_untitled(one) if key in ("schema", "items") else one)
    return tidied


def _plain(name: str) -> str:
    """CheckJson is what we call the Check that people see."""
    return name.removesuffix("Json")


def _untitled(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    return {key: value for key, value in schema.items() if key != "title" or not isinstance(value, str)}
