"""A Berth that starts in a fraction of a second: everything is imported once, each start is a fork.

A line `{"NAME": "value", …}` on standard input starts one `berth serve` with these variables, in a process of
its own; its id is printed. A line with such an id waits until that process has ended, and prints its wait
status. Whatever Berth does when it starts, it does anew each time; only the time that Python takes to read
its modules is saved, so that more of a run's kills hit a Berth at work.
"""

from __future__ import annotations

import json
import os
import sys

import app.main
from app.cli import main


def serve(variables: dict[str, str]) -> None:
    """Run `berth serve` in this process; what it prints goes to its log."""
    log = os.open(variables.pop("LOG"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(variables)
    sys.argv = ["berth", "serve"]
    main()


def wait_for_orders() -> None:
    """Serve one Berth after another until standard input ends."""
    print(f"ready: {app.main.__name__}", flush=True)  # noqa: T201 - the protocol
    for line in sys.stdin:
        order = json.loads(line)
        if isinstance(order, int):
            print(os.waitpid(order, 0)[1], flush=True)  # noqa: T201
            continue
        child = os.fork()
        if child == 0:
            serve(order)
            sys.exit(0)
        print(child, flush=True)  # noqa: T201


if __name__ == "__main__":
    wait_for_orders()
