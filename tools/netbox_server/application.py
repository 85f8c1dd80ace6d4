"""NetBox itself: its configuration, its first user, and the process that serves it."""

from __future__ import annotations

import signal
import socket
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from . import stores
from .places import venv
from .processes import Service, environment

if TYPE_CHECKING:
    from pathlib import Path

# Not secrets: the server lives on one machine for as long as the tests run, and holds made-up data.
TOKEN_V1 = "b" * 39 + "1"
KEY_V2, SECRET_V2 = "berthtesting", "s" * 40
TOKEN_V2 = f"nbt_{KEY_V2}.{SECRET_V2}"
PEPPER = "made-up-for-the-tests-" * 3

CONFIGURATION = f"""\
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
DATABASES = {{"default": {{
    "ENGINE": "django.db.backends.postgresql", "NAME": "netbox", "USER": "netbox",
    "HOST": "@postgres@", "CONN_MAX_AGE": 300,
}}}}
REDIS = {{
    "tasks": {{"URL": "unix://@redis@?db=0"}},
    "caching": {{"URL": "unix://@redis@?db=1"}},
}}
SECRET_KEY = "{PEPPER}"
API_TOKEN_PEPPERS = {{1: "{PEPPER}"}}
ISOLATED_DEPLOYMENT = True  # it talks to nobody outside
CENSUS_REPORTING_ENABLED = False
LOGGING = {{
    "version": 1, "disable_existing_loggers": False,
    "root": {{"handlers": ["console"]}},
    "handlers": {{"console": {{"class": "logging.StreamHandler", "level": "ERROR"}}}},
}}
"""

FIRST_USER = f"""
from users.models import Token, User
admin = User.objects.create_superuser("admin", "admin@example.org", "berth-test-admin-1")
for token in (
    Token(user=admin, version=1, token="{TOKEN_V1}"),
    Token(user=admin, version=2, key="{KEY_V2}", token="{SECRET_V2}"),
):
    token.full_clean()
    token.save()
"""


# A migration makes millions of objects that stay: looking for cycles among them costs a fifth of its time.
RARE_COLLECTION = "import gc\ngc.set_threshold(1_000_000, 20, 100)\n"


def configure(folder: Path, extra: str = "") -> None:
    """Write NetBox's configuration file."""
    file = folder / "netbox" / "conf" / "configuration.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    text = CONFIGURATION.replace("@postgres@", str(stores.socket_folder(folder)))
    file.write_text(text.replace("@redis@", str(stores.redis_socket(folder))) + extra)


def settings(folder: Path) -> dict[str, str]:
    """The environment NetBox runs in."""
    return environment(NETBOX_ROOT=str(folder / "netbox"), DJANGO_SETTINGS_MODULE="netbox.settings")


def gunicorn(folder: Path) -> Service:
    """The processes that serve NetBox; they keep nothing, and to end in good order takes them ten seconds."""
    return Service("netbox", folder, signal.SIGKILL)


def start_gunicorn(folder: Path, port: int) -> None:
    """Serve NetBox as it is served in production: four processes of three threads.

    NetBox is loaded before the processes part (`--preload`): it takes ten seconds of computing, once
    instead of four times, and no connection is open by then. Idle connections last as long as they do behind
    nginx: gunicorn alone closes them after two seconds, at times just when a client uses one again.
    """
    size = "--workers 4 --threads 3 --timeout 120 --graceful-timeout 5 --keep-alive 75 --preload"
    words = f"{size} --no-control-socket --log-level warning --bind 127.0.0.1:{port} netbox.wsgi"
    argv = [str(venv() / "bin" / "gunicorn"), *words.split()]
    gunicorn(folder).start(argv, lambda: answers(f"http://127.0.0.1:{port}"), env=settings(folder))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(url: str) -> bool:
    """Whether NetBox answers, to both kinds of token."""
    return all(_status(url, word) == 200 for word in (f"Token {TOKEN_V1}", f"Bearer {TOKEN_V2}"))  # noqa: PLR2004


def _status(url: str, authorization: str) -> int:
    """The HTTP status of NetBox's own status page, or 0 if there was no answer."""
    request = urllib.request.Request(f"{url}/api/status/", headers={"Authorization": authorization})  # noqa: S310
    try:
        with DIRECT.open(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
