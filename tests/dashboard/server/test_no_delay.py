"""Connections of a server send what it writes without waiting for an acknowledgement."""

from __future__ import annotations

import asyncio
import socket

import pytest
import uvicorn

from dashboard.server.no_delay import answer_at_once


def accepted_nodelay(family: socket.AddressFamily, address: str) -> bool:
    """Whether a connection that comes in at a server on a socket like Streamlit's has Nagle's algorithm off."""
    seen: list[int] = []

    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        raise AssertionError("no request is sent")

    class Protocol(asyncio.Protocol):
        def __init__(self, **settings: object) -> None:
            pass

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            seen.append(transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            done.set()

    async def serve() -> None:
        config = uvicorn.Config(app, http=Protocol, lifespan="off", log_level="warning")  # type: ignore[arg-type]
        config.load()
        server = uvicorn.Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listening])
        _, writer = await asyncio.open_connection(*listening.getsockname()[:2])
        await asyncio.wait_for(done.wait(), 10)
        writer.close()
        for found in server.servers:
            found.close()

    with socket.socket(family=family) as listening:  # the protocol is not named, as in Streamlit's own
        listening.bind((address, 0))
        listening.listen()
        listening.setblocking(False)
        done = asyncio.Event()
        asyncio.run(serve())
    return bool(seen[0])


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_connection_does_not_wait_for_acknowledgements(
    family: socket.AddressFamily, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uvicorn.Server, "startup", uvicorn.Server.startup)  # put back afterwards
    answer_at_once()
    answer_at_once()
    assert accepted_nodelay(family, address)


def test_sockets_of_another_kind_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[list[socket.socket]] = []

    async def startup(self: uvicorn.Server, sockets: list[socket.socket]) -> None:
        handed.append(sockets)

    monkeypatch.setattr(uvicorn.Server, "startup", startup)
    answer_at_once()
    with socket.socket(socket.AF_UNIX) as listening:
        asyncio.run(uvicorn.Server.startup(object(), [listening]))  # type: ignore[arg-type]
        assert handed == [[listening]]
