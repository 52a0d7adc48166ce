"""The outermost layer of a sandbox server: counts the calls and plays the faults that any call can have.

Faults of one neighbour's own calls are handed on in `scope["sandbox.faults"]`; `faults_of(request)` reads them.
"""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from syncflow.sandbox.auth import PREFIX
from syncflow.sandbox.calls import CallCounter
from syncflow.sandbox.errors import ApiError
from syncflow.sandbox.faults import Fault, FaultBoard
from syncflow.sandbox.web import error_response, json_response

_SCOPE_KEY = "sandbox.faults"
_DRIPS_A_SECOND = 20
_PROXY_PAGE = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"


def faults_of(request: Request) -> tuple[Fault, ...]:
    """The faults that the current call is to show."""
    return tuple(request.scope.get(_SCOPE_KEY, ()))


class FaultMiddleware:
    """Wraps a whole application. `expire` ends all tokens; its argument says whether refresh tokens end too."""

    def __init__(self, app: ASGIApp, board: FaultBoard, calls: CallCounter, expire: Callable[[bool], None]) -> None:
        self._app = app
        self._board = board
        self._calls = calls
        self._expire = expire

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        with self._calls.count(scope["method"], scope["path"]) as name:

            async def counted_send(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self._calls.answered(name, message["status"])
                await send(message)

            faults = self._board.take(scope["method"], scope["path"])
            call = _FaultyCall(self._app, scope, receive, counted_send, _transport(send))
            await call.run(faults, self._expire)


class _FaultyCall:
    """One call with its faults, played in the order in which they were set."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, transport: Any) -> None:
        self._app = app
        self._scope = scope
        self._receive = receive
        self._send = send
        self._transport = transport

    async def run(self, faults: tuple[Fault, ...], expire: Callable[[bool], None]) -> None:
        self._scope[_SCOPE_KEY] = faults
        for fault in faults:
            if fault.kind == "delay":
                await asyncio.sleep(fault.seconds)
            elif fault.kind == "expire_tokens":
                expire(fault.text == "refresh")
        for fault in faults:
            if await self._play(fault):
                return
        await self._app(self._scope, self._receive, self._send)

    async def _play(self, fault: Fault) -> bool:
        """Answer the call as this fault says; False when the fault leaves the answer to others."""
        instead = _answer_instead(fault)
        if instead is not None:
            await instead(self._scope, self._receive, self._send)
        elif fault.kind == "reset":
            await self._read_request()
            self._reset()
        elif fault.kind == "timeout_after_apply":
            await self._collect()
            await asyncio.sleep(fault.seconds)
            self._reset()
        elif fault.kind == "drip":
            await self._drip(fault.bytes)
        elif fault.kind == "truncate":
            await self._truncate(fault.bytes)
        elif fault.kind == "content_type":
            await self._relabel(fault.text)
        else:
            return False
        return True

    async def _read_request(self) -> None:
        """Take the whole request first: a client that is still sending would see the reset there, or not at all."""
        while (await self._receive()).get("more_body", False):
            pass

    async def _collect(self) -> tuple[Message, bytes]:
        """Let the application answer into memory: the start message and the whole body."""
        start: Message = {}
        parts: list[bytes] = []

        async def keep(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                parts.append(message.get("body", b""))

        await self._app(self._scope, self._receive, keep)
        return start, b"".join(parts)

    async def _drip(self, bytes_per_second: int) -> None:
        start, body = await self._collect()
        await self._send(start)
        rate = max(1, bytes_per_second)
        step = max(1, rate // _DRIPS_A_SECOND)
        for at in range(0, len(body), step):
            await self._send({"type": "http.response.body", "body": body[at : at + step], "more_body": True})
            await asyncio.sleep(step / rate)
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _truncate(self, length: int) -> None:
        start, body = await self._collect()
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body[:length], "more_body": True})
        if self._transport is not None:
            self._transport.close()
            await asyncio.sleep(0.01)

    async def _relabel(self, content_type: str) -> None:
        start, body = await self._collect()
        others = [(name, value) for name, value in start["headers"] if name.lower() != b"content-type"]
        await self._send({**start, "headers": [*others, (b"content-type", content_type.encode("latin-1"))]})
        await self._send({"type": "http.response.body", "body": body})

    def _reset(self) -> None:
        """Close with an RST instead of a FIN: the client sees "connection reset by peer"."""
        if self._transport is None:
            return
        linger = struct.pack("ii", 1, 0)
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._transport.abort()


def _answer_instead(fault: Fault) -> Response | None:
    if fault.kind == "html":
        return HTMLResponse(_PROXY_PAGE)
    if fault.kind == "refuse_login":
        return error_response(ApiError(401, "User name or password is wrong.", code="login_refused"))
    if fault.kind == "not_success":
        return json_response({"success": False, "error": fault.text or "ORA-01555: snapshot too old"})
    if fault.kind == "status":
        headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
        body = {"success": False, "error": f"Status {fault.status} as asked for."}
        return json_response(body, fault.status, headers)
    return None


def _transport(send: Send) -> Any:
    """The connection below uvicorn's `send`; None under another server, where connections cannot be cut."""
    return getattr(getattr(send, "__self__", None), "transport", None)
