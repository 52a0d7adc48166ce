"""A door in front of a PostgreSQL socket that loses the connection at a chosen word."""

import socket
import threading
import time
from contextlib import suppress
from types import TracebackType
from urllib.parse import parse_qs, urlsplit


def socket_path(postgres_url: str) -> str:
    """The Unix socket of a server that is addressed by its directory."""
    query = parse_qs(urlsplit(postgres_url).query)
    return f"{query['host'][0]}/.s.PGSQL.{query.get('port', ['5432'])[0]}"


class LossyProxy:
    """Listens on a port of its own. A message with `word` is forwarded or not, and then the connection is cut, so many
    times."""

    def __init__(self, target: str, word: bytes, forwarded: bool, times: int = 1_000) -> None:
        self._target = target
        self._word = word
        self._forwarded = forwarded
        self._times = times
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> "LossyProxy":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._target)
                threading.Thread(target=self._ask, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(client, server), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            self._pass_on(client, server)
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        while piece := client.recv(65536):
            cut = self._word in piece and self._times > 0
            if cut:
                self._times -= 1
                client.shutdown(socket.SHUT_RDWR)
            if not cut or self._forwarded:
                server.sendall(piece)
            if cut:
                # What was forwarded has to be carried out before the server sees the end.
                time.sleep(0.2 if self._forwarded else 0)
                return

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while piece := server.recv(65536):
                client.sendall(piece)
