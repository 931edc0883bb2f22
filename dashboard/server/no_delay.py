"""Answers leave at once: the server's connections do not wait for the browser to acknowledge what came before.

A server writes an answer's head and its body one after the other. Unless told otherwise, TCP holds the second back
until the first is acknowledged (Nagle's algorithm), and the browser's side acknowledges late on purpose: 40 ms for an
answer that takes 3 ms to make, and for each of the hundred files of a first page. asyncio switches this off, but only
for sockets that were made with the protocol named, which Streamlit's is not.

Source:
    J. Nagle, RFC 896; R. Braden, RFC 1122, 4.2.3.2 (delayed acknowledgement); W. R. Stevens,
    TCP/IP Illustrated 1, 19.4.
"""

from __future__ import annotations

import functools
import socket

import uvicorn

_TCP = (socket.AF_INET, socket.AF_INET6)


def answer_at_once() -> None:
    """Have the servers that this process starts from now on send what they write without waiting.

    Connections inherit the setting from the socket on which they come in. Calling it again changes nothing.
    """
    startup = uvicorn.Server.startup
    if getattr(startup, "answers_at_once", False):
        return

    @functools.wraps(startup)
    async def without_delay(self: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
        for listening in sockets or ():
            if listening.family in _TCP:
                listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await startup(self, sockets)

    without_delay.answers_at_once = True  # type: ignore[attr-defined]
    uvicorn.Server.startup = without_delay  # type: ignore[method-assign]
