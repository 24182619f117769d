"""Chroma's own server, from its package."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from urllib.error import URLError
from urllib.request import urlopen


def free_port() -> int:
    with create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """Start the server and wait until it answers."""
    command = [Path(sys.executable).with_name("chroma"), "run", "--host", "127.0.0.1"]
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen([*command, "--port", str(port), "--path", folder], stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with urlopen(f"http://127.0.0.1:{port}/api/v2/heartbeat", timeout=1):
                return server
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    stop(server)
    raise TimeoutError((folder / "server.log").read_text())


def stop(server: subprocess.Popen[bytes]) -> None:
    server.kill()
    server.wait()


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    port = free_port()
    server = start(folder, port)
    try:
        yield f"chroma://127.0.0.1:{port}"
    finally:
        stop(server)
