"""A connection pooler in transaction mode, as far as a client sees it: all connections share one session of PostgreSQL,
each for as long as a transaction lasts (PostgreSQL's protocol 3.0, chapter "Message Formats")."""

import socket
import struct
import threading
from typing import Self

import psycopg

_READY = b"Z"
_IDLE = b"I"
_TERMINATE = b"X"
_ASKS_FOR_ENCRYPTION = 80877103


class TransactionPooler:
    """Listens at `port` while the block runs."""

    def __init__(self, url: str) -> None:
        self._own = psycopg.connect(url, autocommit=True)
        self._server = socket.socket(fileno=self._own.pgconn.socket)
        self._server.setblocking(True)
        self._turn = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._server.detach()
        self._own.close()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            while _startup(client) == _ASKS_FOR_ENCRYPTION:
                client.sendall(b"N")
            version = b"server_version\x00" + self._own.info.parameter_status("server_version").encode() + b"\x00"  # type: ignore[union-attr]
            client.sendall(_message(b"R", bytes(4)) + _message(b"S", version) + _message(b"K", bytes(8)))
            client.sendall(_message(_READY, _IDLE))
            while (first := _read(client)) is not None and first[:1] != _TERMINATE:
                with self._turn:
                    self._transaction(client, first)

    def _transaction(self, client: socket.socket, message: bytes) -> None:
        status = b""
        while status != _IDLE:
            self._server.sendall(message)
            if message[:1] in b"QS":
                status = self._answer(client)
            if status != _IDLE:
                following = _read(client)
                if following is None:
                    return
                message = following

    def _answer(self, client: socket.socket) -> bytes:
        while (answer := _read(self._server)) is not None:
            client.sendall(answer)
            if answer[:1] == _READY:
                return answer[5:6]
        return _IDLE


def _startup(client: socket.socket) -> int:
    (length,) = struct.unpack("!I", _exactly(client, 4))
    return int(struct.unpack_from("!I", _exactly(client, length - 4))[0])


def _read(source: socket.socket) -> bytes | None:
    """A message with its kind and length; None at the end."""
    head = _exactly(source, 5)
    if len(head) < 5:
        return None
    return head + _exactly(source, struct.unpack_from("!I", head, 1)[0] - 4)


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (piece := source.recv(count - len(data))):
        data += piece
    return data


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", 4 + len(body)) + body
