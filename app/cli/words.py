"""How commands speak: answers on stdout, what went wrong on stderr, and an exit code that scripts can use.

0: as asked. 1: what was looked at is not as it should be. 2: the command could not do its work.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import typer

from app.credentials.sources import SecretMissing
from app.domain.errors import BerthError, Violation
from app.domain.inventory import Network
from app.domain.upstream import UpstreamError
from app.policyfile import PolicyWrong
from app.settings import SettingsWrong

NOT_AS_IT_SHOULD_BE = 1
NO_WORK_DONE = 2


class RemoteFailed(Exception):
    """A running Berth could not be asked, or refused. `lines` say why, in plain words."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines
        super().__init__("\n".join(lines))


def complain(line: str) -> None:
    """Say what is wrong, on stderr."""
    typer.echo(line, err=True)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what may go wrong in a command into plain words and exit code 2."""
    try:
        yield
    except (SettingsWrong, PolicyWrong) as wrong:
        for problem in wrong.problems:
            complain(problem)
        raise typer.Exit(NO_WORK_DONE) from None
    except BerthError as error:
        several = () if error.field else error.errors
        for line in list(in_lines(several)) or [error.detail]:
            complain(line)
        raise typer.Exit(NO_WORK_DONE) from None
    except RemoteFailed as failed:
        for line in failed.lines:
            complain(line)
        raise typer.Exit(NO_WORK_DONE) from None
    except (SecretMissing, UpstreamError) as error:
        complain(str(error))
        raise typer.Exit(NO_WORK_DONE) from None


def in_lines(violations: Iterable[Violation]) -> Iterator[str]:
    """A line for each violation: its code, and what to do."""
    return (f"{each.code}: {each.detail}" for each in violations)


def network(text: str) -> Network:
    """The network that `--prefix` names; else the command ends, saying what is wrong."""
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--prefix") from None
