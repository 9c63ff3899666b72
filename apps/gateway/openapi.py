"""The description of the API that is published: what FastAPI finds out by itself, and how devices sign."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from apps.gateway import envelopes
from apps.gateway.cap import MEDIA_TYPE
from apps.sessions import COOKIE
from workbench.designs.findings import Findings

TITLE = "RTCC gateway"
VERSION = "1"
DESCRIPTION = """\
For people (a session's cookie; every change also needs the header `X-RTCC: 1`) and for devices, which sign every
request.

A device signs `METHOD\\nPATH\\nTIMESTAMP\\nNONCE\\nSHA256HEX(body)` with HMAC-SHA256 and its secret, and sends
`X-RTCC-Device`, `X-RTCC-Timestamp` (seconds since 1970 UTC, within 5 minutes), `X-RTCC-Nonce` (16 or more hex
digits, once) and `X-RTCC-Signature: v1=HEX`. A report is durable before its 202; the same event id again makes no
second alert.
"""

ERROR = {
    "type": "object", "required": ["error", "message"],
    "properties": {"error": {"type": "string"}, "message": {"type": "string"}},
    "example": {"error": "NotFound", "message": "there is no alert 'alr_0000000000000000', or you may not see it"},
}  # fmt: skip

SIGNED = ("Device", "Timestamp", "Nonce", "Signature")

EXAMPLES: dict[str, dict[str, Any]] = {
    envelopes.PANIC: {"place": "North High School, front office", "place_kind": "school", "lon_deg": -90.1848,
                      "lat_deg": 32.299},
    envelopes.PLATE_READ: {"plate": "HND4128", "confidence": 0.91, "camera_id": "farish-1",
                           "seen_at": "2026-03-01T15:59:58Z",
                           "hotlist": {"reason": "stolen vehicle", "vehicle": "white pickup"}},
    envelopes.ALERT: {"title": "Water main broken", "priority": "P2", "camera_id": "farish-1"},
}  # fmt: skip

DATA: dict[str, tuple[str, type[envelopes.PanicData | envelopes.PlateReadData | envelopes.AlertData]]] = {
    "/v1/panic": (envelopes.PANIC, envelopes.PanicData),
    "/v1/plate-reads": (envelopes.PLATE_READ, envelopes.PlateReadData),
    "/v1/alerts": (envelopes.ALERT, envelopes.AlertData),
}
"""What devices send where."""

CAP_EXAMPLE = """\
<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>2026-0301-1</identifier><sender>dispatch@example.gov</sender><sent>2026-03-01T16:00:00-06:00</sent>
  <status>Actual</status><msgType>Alert</msgType><scope>Restricted</scope>
  <restriction>Public safety agencies</restriction>
  <info><category>Fire</category><event>Structure fire</event><urgency>Immediate</urgency>
    <severity>Severe</severity><certainty>Observed</certainty>
    <area><areaDesc>Farish Street</areaDesc><circle>32.2990,-90.1848 0.2</circle></area></info>
</alert>
"""


def publish(app: FastAPI) -> None:
    """Let the app publish its description at `/openapi.json`."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _described(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=TITLE, version=VERSION, description=DESCRIPTION, routes=app.routes)
    _, extra = models_json_schema(
        [(model, "validation") for _, model in DATA.values()], ref_template="#/components/schemas/{model}"
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas |= extra.get("$defs", {}) | {"Error": ERROR}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for name in ("Findings", *TypeAdapter(Findings).json_schema()["$defs"]):
        schemas[name] = _maybe_unbounded(schemas[name])
    components["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
        "device": {"type": "apiKey", "in": "header", "name": "X-RTCC-Signature"},
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation)
    return document


def _maybe_unbounded(schema: Any) -> Any:
    """Return a schema whose figures may be null: the end of an interval that ends nowhere is, in JSON."""
    if isinstance(schema, list):
        return [_maybe_unbounded(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "number":
        return schema | {"type": ["number", "null"]}
    return {key: _maybe_unbounded(part) for key, part in schema.items()}


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Say of an operation how it is asked, and in which shape it refuses."""
    signed = method == "post" and (path in DATA or path == "/v1/cap")
    if signed:
        operation["parameters"] = [_header(f"X-RTCC-{name}") for name in SIGNED]
        operation["requestBody"] = _cap_body() if path == "/v1/cap" else _event_body(path)
        operation["security"] = [{"device": []}]
    elif path.startswith("/v1/"):
        operation["security"] = [{"session": []}]
        if method in ("post", "put", "delete"):
            operation["parameters"] = [*operation.get("parameters", []), _header("X-RTCC", "1")]
    responses = operation["responses"]
    if path.startswith("/v1/"):
        for status, words in (("401", "Nobody is signed in, or it is not signed"), ("403", "Not permitted"),
                              ("413", "The body is too large"), ("422", "The request will not do"),
                              ("429", "Asked too often; see Retry-After"),
                              ("503", "The catalog does not answer; see Retry-After")):  # fmt: skip
            responses.setdefault(status, {"description": words})
        if "{" in path:
            responses.setdefault("404", {"description": "There is no such thing, or you may not see it"})
    for status, response in responses.items():
        if not status.startswith(("2", "3")) and "model" not in response:
            known = response.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
            if not known or known.endswith("HTTPValidationError"):
                response["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


def _header(name: str, only: str | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"} if only is None else {"type": "string", "enum": [only]}
    return {"name": name, "in": "header", "required": True, "schema": schema}


def _event_body(path: str) -> dict[str, Any]:
    kind, model = DATA[path]
    words = {"type": "string", "minLength": 1, "maxLength": envelopes.LONGEST_ID}
    schema = {
        "type": "object", "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"}, "id": words, "source": words, "type": {"const": kind},
            "time": {"type": "string", "format": "date-time"}, "datacontenttype": {"const": "application/json"},
            "data": {"$ref": f"#/components/schemas/{model.__name__}"},
        },
    }  # fmt: skip
    example = {
        "specversion": "1.0", "id": "2026-03-01-0001", "source": "north-high", "type": kind,
        "time": "2026-03-01T16:00:00Z", "datacontenttype": "application/json", "data": EXAMPLES[kind],
    }  # fmt: skip
    return {"required": True, "content": {"application/cloudevents+json": {"schema": schema, "example": example}}}


def _cap_body() -> dict[str, Any]:
    return {"required": True, "content": {MEDIA_TYPE: {"schema": {"type": "string"}, "example": CAP_EXAMPLE}}}
