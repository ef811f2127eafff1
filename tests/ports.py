"""Ports for servers that tests start."""

import os
import random
import socket

FIRST, WIDTH = 20_000, 3_000
"""Below the range from which Linux gives ports to outgoing connections: one that was free a moment ago still is."""


def free_port() -> int:
    """A port that nobody listens on; each worker of a parallel run looks in a range of its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    while True:
        port = FIRST + worker * WIDTH + random.randrange(WIDTH)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
