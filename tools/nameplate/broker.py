"""An embedded nats-server for the demo, the tests and the benchmarks: MQTT 3.1.1 on a free loopback port.

It is the broker of the design (one part from laptop to cluster), run as a program from its wheel and
stopped with its data when the context ends. Several can run at once.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from nameplate.errors import NameplateError

START_TIMEOUT_S = 15


def nats_server_program() -> str:
    """Where nats-server is: beside this Python (its wheel puts it there), else on PATH.

    Raises:
        NameplateError: when it is neither here nor there.
    """
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if not found:
        raise NameplateError("nats-server is not installed", "run: pip install 'nameplate[sim]'")
    return found


def free_port() -> int:
    """A TCP port of the loopback that nobody held a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class ServerTls:
    """PEM files of a broker with TLS. `clients`: the authority whose certificates it demands; their common name is the user."""

    certificate: Path
    key: Path
    clients: Path | None = None


class EmbeddedBroker:
    """nats-server with MQTT and JetStream, for as long as the context lasts.

    Args:
        users: broker user to password; None lets anyone in (loopback only).
        port: the MQTT port, 0 for a free one. Give it again to start the same broker after a stop.
        tls: its certificate; None for a broker without TLS.
    """

    def __init__(
        self, users: Mapping[str, str] | None = None, port: int = 0, tls: ServerTls | None = None
    ) -> None:
        self._users = dict(users or {})
        self._directory = Path(tempfile.mkdtemp(prefix="nameplate-broker-"))
        self.port = port or free_port()
        self._tls = tls
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where devices and subscribers connect, without credentials."""
        return f"mqtt{'s' if self._tls else ''}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and wait until its MQTT port answers.

        Raises:
            NameplateError: when it ends or stays silent; its own last words are in the message.
        """
        config = self._directory / "nats.conf"
        config.write_text(self._config())
        config.chmod(0o600)
        log = self._directory / "nats.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [nats_server_program(), "-c", str(config)],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=0.2).close()
                return
            except OSError:
                time.sleep(0.02)
        words = log.read_text(errors="replace").strip().splitlines()
        self.stop()
        raise NameplateError(
            f"the embedded broker did not start: {words[-1] if words else 'it said nothing'}",
            "see whether another program took the port, then try again",
        )

    def _config(self) -> str:
        users = [{"user": name, "password": secret} for name, secret in self._users.items()]
        tls = ""
        if self._tls:
            files = {"cert_file": str(self._tls.certificate), "key_file": str(self._tls.key)}
            if self._tls.clients:
                files["ca_file"] = str(self._tls.clients)
                users = [{"user": f"CN={name}"} for name in self._users]
            demand = f", verify_and_map: {json.dumps(bool(self._tls.clients))}"
            tls = f", tls {{ {', '.join(f'{key}: {json.dumps(path)}' for key, path in files.items())}{demand} }}"
        return "\n".join(
            [
                "listen: 127.0.0.1:-1",
                "server_name: nameplate",
                f"jetstream {{ store_dir: {json.dumps(str(self._directory / 'jetstream'))} }}",
                f"mqtt {{ listen: 127.0.0.1:{self.port}{tls} }}",
                f"authorization {{ users: {json.dumps(users)} }}" if users else "",
            ]
        )

    def stop(self) -> None:
        """Stop the server; what it stored stays until the context ends."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        """Stop the server and remove its data."""
        self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
