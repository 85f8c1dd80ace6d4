"""The command line: `berth --help` lists the commands. Each one parses, calls one function and prints."""

from app.cli.commands import app, main

__all__ = ["app", "main"]
