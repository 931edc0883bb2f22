"""Whether a port is free, before a server takes seconds to find out that it is not."""

from __future__ import annotations

import errno
import socket

from vae.errors import UserError


def check_port(address: str, port: int) -> None:
    """Check that a server can listen there.

    Args:
        address: A host name or number of this machine.
        port: From 1 to 65535.

    Raises:
        UserError: If the address is not this machine's, or the port is taken or not allowed.
    """
    if not 1 <= port <= 65535:
        raise UserError(f"port must be from 1 to 65535, got {port}; use 8501")
    try:
        places = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UserError(f"address must be one of this machine, got {address!r}; use localhost") from None
    refusals = [_refusal(place) for place in places]
    another = port + 1 if port < 65535 else 8501
    if errno.EADDRINUSE in refusals:
        raise UserError(
            f"port {port} on {address} must be free, and is in use; use another, say --port {another}"
        )
    if errno.EACCES in refusals:
        raise UserError(f"port {port} needs the rights of an administrator; use one from 1024, say 8501")
    if None not in refusals:  # localhost may also name an IPv6 address that the machine has not
        raise UserError(f"address must be one of this machine, got {address!r}; use localhost")


def _refusal(
    place: tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[object, ...]],
) -> int | None:
    """The number of the error with which the system refuses to bind there; None if it does not."""
    family, kind, protocol, _, where = place
    try:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        return error.errno or -1
    return None
