"""A client that asks an ASGI application in this process, without a server."""

from __future__ import annotations

import json
from typing import Any

import anyio
from starlette.applications import Starlette


class Answer:
    """A finished answer."""

    def __init__(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.status_code, self.headers, self.content = status, headers, content

    def json(self) -> Any:
        return json.loads(self.content)


class Client:
    """Asks an application as a server does."""

    def __init__(self, app: Starlette) -> None:
        self.app = app

    def get(self, address: str, **headers: str) -> Answer:
        path, _, query = address.partition("?")
        named = [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": named, "scheme": "http", "server": ("localhost", 80), "client": ("127.0.0.1", 1),
            "root_path": "",
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> Any:
            await anyio.sleep(60)

        async def send(message: Any) -> None:
            sent.append(message)

        async def ask() -> None:
            await self.app(scope, receive, send)

        anyio.run(ask)
        found = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))
