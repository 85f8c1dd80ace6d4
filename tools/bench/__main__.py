"""The command line: `python -m tools.bench emulator|netbox|page [--quick]`."""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from . import __doc__ as about
from . import against_emulator, against_netbox, page
from .processes import ROOT


def main() -> None:
    """Measure, then write the page; or write the page alone."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=about)
    parser.add_argument("what", choices=["emulator", "netbox", "page"])
    parser.add_argument("--quick", action="store_true", help="a rough look: one short round")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs", help="where the results and the page go")
    parser.add_argument("--dns-index", action="store_true", help="netbox: with an index on names besides")
    parser.add_argument("--rounds", type=int, help="how often everything is repeated (3)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception, which stops what was started
    if options.what != "page":
        measure(options)
    page.write(options.docs)


def measure(options: argparse.Namespace) -> None:
    """Measure and keep the result, then forget what the servers left on the disk."""
    folder = Path(tempfile.mkdtemp(prefix="berth-bench-", dir="/var/tmp"))  # a disk: fsync counts
    try:
        if options.what == "netbox":
            result = against_netbox.measured(
                folder, quick=options.quick, rounds=options.rounds, dns_index=options.dns_index
            )
        else:
            result = against_emulator.measured(folder, quick=options.quick, rounds=options.rounds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    results = options.docs / "benchmarks" / "results"
    results.mkdir(parents=True, exist_ok=True)
    (results / f"{options.what}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
