"""A server on loopback that answers datagrams as a test says: with one, with many, or not at all."""

import contextlib
import socket
import threading
from collections.abc import Callable

Answer = Callable[[bytes], list[bytes]]


class Responder:
    """`answer(query)` gives the datagrams to send back; `asked` keeps the queries, `sender` who asked last."""

    def __init__(self, answer: Answer, host: str = "127.0.0.1", port: int = 0) -> None:
        self._answer = answer
        self.asked: list[bytes] = []
        self.sender = ("", 0)
        self._line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._line.bind((host, port))
        self.address: tuple[str, int] = self._line.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def port(self) -> int:
        return self.address[1]

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                query, self.sender = self._line.recvfrom(2048)
                if query == b"end":
                    break
                self.asked.append(query)
                for datagram in self._answer(query):
                    self._line.sendto(datagram, self.sender)
        self._line.close()

    def close(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.sendto(b"end", self.address)
