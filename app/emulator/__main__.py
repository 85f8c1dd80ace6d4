"""``python -m app.emulator``: serve an emulated NetBox on loopback."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

from app.emulator import SEED_TOKEN, create_app
from app.emulator.release import RELEASES
from app.emulator.server import LOOPBACK, configuration


def main() -> None:
    """Parse the command line and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m app.emulator", description=__doc__)
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--database", help="a SQLite file; memory without it")
    parser.add_argument("--version", choices=sorted(RELEASES), default="4.7")
    parser.add_argument("--token", action="append", help="a token that may do everything (repeatable)")
    parser.add_argument(
        "--seed", action="store_true", help="put the demonstration inventory into an empty database"
    )
    options = parser.parse_args()
    if options.database:
        Path(options.database).parent.mkdir(parents=True, exist_ok=True)
    app = create_app(
        options.database,
        version=options.version,
        tokens=options.token or (SEED_TOKEN,),
        seed=options.seed,
    )
    try:
        uvicorn.Server(configuration(app, LOOPBACK, options.port)).run()
    finally:
        app.close()


if __name__ == "__main__":
    main()
