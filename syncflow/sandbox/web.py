"""JSON over HTTP, once for both neighbours: exact numbers in and out, errors as `{"success": false, "error": ..}`."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import cast

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from syncflow.sandbox.errors import ApiError

JSON = "application/json"
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def parse_json(body: bytes) -> object:
    """Decode a body; numbers with a fraction or an exponent become Decimal. Raises ApiError 400.

    msgspec refuses a lone surrogate; such a body is decoded by the standard library, which keeps it, so that only
    the value that holds it has to fail.
    """
    try:
        return cast(object, _DECODER.decode(body))
    except msgspec.DecodeError:
        pass
    try:
        return cast(object, json.loads(body, parse_float=Decimal))
    except (ValueError, RecursionError) as error:
        raise ApiError(400, f"The body is not JSON: {error}.", code="not_json") from error


def encode_json(data: object) -> bytes:
    """Encode an answer; Decimals as bare numbers, digit for digit."""
    try:
        return _ENCODER.encode(data)
    except UnicodeEncodeError:
        return json.dumps(data, default=str).encode("ascii")


def json_response(data: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(encode_json(data), status, headers, media_type=JSON)


def error_response(error: ApiError) -> Response:
    body: dict[str, object] = {"success": False, "error": error.error}
    if error.code is not None:
        body["code"] = error.code
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else None
    return json_response({**body, **error.members}, error.status, headers)


async def handle_api_error(request: Request, error: Exception) -> Response:  # noqa: ARG001
    """Starlette exception handler for ApiError."""
    return error_response(cast(ApiError, error))


async def read_json(request: Request, max_bytes: int | None = None) -> object:
    """The body of a request, decoded. Raises ApiError 415 for another media type, 413 above `max_bytes`, 400."""
    body, _ = await read_body(request, (JSON,), max_bytes)
    return parse_json(body)


async def read_body(request: Request, media_types: Sequence[str], max_bytes: int | None = None) -> tuple[bytes, str]:
    """The body of a request, and which of `media_types` it has. Raises ApiError 415 for none of them, 413 above
    `max_bytes`."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in media_types:
        wanted, told = " or ".join(media_types), media_type or "none"
        raise ApiError(415, f"The body must be sent with Content-Type: {wanted}, not {told}.", code="media_type")
    body = await request.body()
    if max_bytes is not None and len(body) > max_bytes:
        raise ApiError(413, f"The body has {len(body):,} bytes; at most {max_bytes:,} are taken.", code="too_large")
    return body, media_type


def take_members(body: object, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, object]:
    """Check that a body is an object with these members and no others. Raises ApiError 400."""
    if not isinstance(body, dict):
        raise ApiError(400, "The body must be a JSON object.", code="envelope")
    known = (*required, *optional)
    for name in body:
        if name not in known:
            raise ApiError(400, f"Unknown member '{name}'; known are: {', '.join(known)}.", code="envelope")
    for name in required:
        if name not in body:
            raise ApiError(400, f"The member '{name}' is missing.", code="envelope")
    return body
