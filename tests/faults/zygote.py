"""A Berth that starts in a fraction of a second: everything is imported once, each start is a fork.

Each line on standard input starts one `berth serve`, in a process of its own; its id is printed, and once it
has ended, its wait status. Whatever Berth does when it starts, it does anew each time; only the time that
Python takes to read its modules is saved, so that more of a run's kills hit a Berth at work.
"""

from __future__ import annotations

import os
import sys

import app.main
from app.cli import main


def serve() -> None:
    """Run `berth serve` in this process; what it prints goes where errors go."""
    os.dup2(2, 1)
    sys.argv = ["berth", "serve"]
    main()


def wait_for_orders() -> None:
    """Serve one Berth after another until standard input ends."""
    print(f"ready: {app.main.__name__}", flush=True)  # noqa: T201 - the protocol
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            serve()
            sys.exit(0)
        print(child, flush=True)  # noqa: T201
        print(os.waitpid(child, 0)[1], flush=True)  # noqa: T201


if __name__ == "__main__":
    wait_for_orders()
