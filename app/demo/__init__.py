"""`make demo`: a desk in front of the embedded NetBox, on loopback, with nothing to install or to set."""

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import uvicorn

from app.emulator import SEED_TOKEN, create_app, running
from app.main import compose, configuration
from app.policyfile import CurrentPolicy
from app.running import hold_hangups
from app.settings import Settings
from app.telemetry.logs import configure_logs

TOKEN = "demo"  # noqa: S105 - for loopback only
POLICY_FILE = Path(__file__).with_name("policy.yaml")

GREETING = """
Berth is ready at {url}, in front of an embedded NetBox at {netbox}.

Ask for the next address in 192.168.3.0/24 (again and again: the answer stays the same):

  curl -H 'Authorization: Bearer demo' {url}/api/v1/allocations \\
       -d '{{"prefix": "192.168.3.0/24", "dns_name": "docker-03-registry.spaceships.work"}}'

Give it back:

  curl -X DELETE -H 'Authorization: Bearer demo' \\
       {url}/api/v1/allocations/docker-03-registry.spaceships.work

The pages, sign in with demo:  {url}
The API, to read and to try:   {url}/docs
Documentation:                 docs/index.md
Its state is in {folder}/ ; `make demo-clean` removes it. Stop with Ctrl-C.
"""


class PortTaken(Exception):
    """Something else listens on the port; the text says what to do."""


class Announced(uvicorn.Server):
    """A server that says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if self.started:
            self._ready()


def demo(port: int, folder: Path, say: Callable[[str], None]) -> None:
    """Serve the demonstration until told to stop; its state is kept in the folder.

    Raises:
        PortTaken: something else listens on the port.
    """
    hold_hangups()
    _check_free(port)
    folder.mkdir(parents=True, exist_ok=True)
    policy = CurrentPolicy(POLICY_FILE, {})
    with running(create_app(str(folder / "netbox.db"), seed=True), _same_or_any(port + 1)) as netbox:
        config = _configuration(port, folder, netbox, policy)
        greeting = GREETING.format(url=f"http://127.0.0.1:{port}", netbox=netbox, folder=folder)
        Announced(config, lambda: say(greeting)).run()


def _configuration(port: int, folder: Path, netbox: str, policy: CurrentPolicy) -> uvicorn.Config:
    settings = Settings.read(
        {
            "NETBOX_URL": netbox,
            "NETBOX_API_TOKEN": SEED_TOKEN,
            "BERTH_TOKEN": TOKEN,
            "BERTH_OWNER": "demo",
            "BERTH_PORT": str(port),
            "BERTH_STATE_DIR": str(folder),
            "BERTH_LOG_FORMAT": "text",
            "BERTH_DRAIN_SECONDS": "3",
        }
    )
    log = configure_logs(form="console", level="info")
    return configuration(replace(compose(settings, policy, log), reload=policy.reload))


def _check_free(port: int) -> None:
    if not _is_free(port):
        raise PortTaken(f"Port {port} is taken; choose another one: make demo PORT={port + 10}")


def _same_or_any(port: int) -> int:
    """The same port at every start, so that links to NetBox stay the same; any port where that is taken."""
    return port if _is_free(port) else 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
