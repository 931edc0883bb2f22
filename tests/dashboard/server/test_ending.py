"""A server that is asked to end ends, whoever still waits for an answer."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress

import pytest

#: A server with our beginning and end, an answer that never comes, a download that nobody takes, and a deaf socket.
SERVER = """
import asyncio, sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route, WebSocketRoute
from dashboard import routes as api
from dashboard.server import ending

ending.PATIENCE = 0.6
api._warm_up = lambda: None

async def never(request):
    await asyncio.sleep(3600)

async def download(request):
    async def pieces():
        while True:
            yield bytes(1 << 20)
    return StreamingResponse(pieces())

async def silent(socket):
    await socket.accept()
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

routes = [Route("/never", never), Route("/download", download), WebSocketRoute("/silent", silent)]
app = Starlette(routes=routes, lifespan=api.lifespan)
uvicorn.run(app, port=int(sys.argv[1]), log_level="error")
"""


def connected(process: subprocess.Popen[bytes], port: int) -> socket.socket:
    """A connection to the server, once it listens."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port))
        time.sleep(0.02)
    pytest.fail("the server did not start")


UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


def test_server_ends_soon_whatever_is_open() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-c", SERVER, str(port)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONWARNINGS": ""})
    try:
        with ExitStack() as stack:
            for path, more in (("never", ""), ("download", ""), ("silent", UPGRADE)):
                line = stack.enter_context(connected(process, port))
                line.sendall(f"GET /{path} HTTP/1.1\r\nHost: here\r\n{more}\r\n".encode())
                if path != "never":
                    assert line.recv(100), "it does not answer"
            process.send_signal(signal.SIGTERM)
            # Before, it waited for ever; so much may a busy machine take.
            process.wait(20)
    finally:
        process.kill()
        process.wait()
