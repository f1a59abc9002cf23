"""TCP ports of this machine's loopback address."""

import random
import socket

LOOPBACK = "127.0.0.1"
OURS = range(20_000, 32_000)
"""Below the ports that the kernel gives to outgoing connections: one of those may be taken again at any moment."""


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    return next(port for port in random.sample(OURS, len(OURS)) if is_free(port))


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now (the remains of closed connections do not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
