"""The real NetBox of a benchmark: a server of its own, filled and swept by SQL."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import requests

from app.netbox.setup import DROP_INDEX_SQL, INDEX_SQL

from .processes import ROOT, bootstrap, cpu_seconds, family
from .sequential import session

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOOL: Final = str(ROOT / "tools" / "netbox-server")

_PIDS: Final = r"^(?:postgres|netbox) +running, pid (\d+)"

_FILL: Final = """
INSERT INTO ipam_ipaddress
  (created, last_updated, custom_field_data, address, status, dns_name, description, comments)
SELECT now(), now(),
  CASE WHEN n % 2 = 0 THEN jsonb_build_object('berth_key', '{name}-' || n, 'berth_owner', 'filled')
       ELSE '{{"berth_key": null, "berth_owner": null}}'::jsonb END,
  set_masklen('{network}'::inet + n, 16), 'active', '{name}-' || n || '.filled.test', 'Host ' || n, ''
FROM generate_series(1, {count}) AS n
"""
"""Every second one carries a claim, as in an installation that has used Berth for a while."""

_KIND: Final = "(SELECT id FROM django_content_type WHERE app_label = 'ipam' AND model = 'ipaddress')"
_KINDS: Final = (
    "(SELECT id FROM django_content_type WHERE (app_label, model) IN (('ipam', 'ipaddress'),"
    " ('virtualization', 'virtualmachine'), ('virtualization', 'vminterface')))"
)
_SWEEP: Final = (
    "UPDATE virtualization_virtualmachine SET primary_ip4_id = NULL",
    "DELETE FROM virtualization_vminterface",
    "DELETE FROM virtualization_virtualmachine",
    "DELETE FROM ipam_ipaddress WHERE id > {last}",
    "DELETE FROM core_objectchange WHERE changed_object_type_id IN {kinds}",
    "DELETE FROM extras_cachedvalue WHERE object_type_id IN {kinds}",
    "VACUUM ANALYZE ipam_ipaddress, core_objectchange, extras_cachedvalue",
)
"""The bench's NetBox has no machines but those that it makes itself."""

_WRITES: Final = """
SELECT count(DISTINCT request_id) FROM core_objectchange
WHERE changed_object_type_id IN {kinds} AND time BETWEEN to_timestamp({began}) AND to_timestamp({ended})
"""

_SIZES: Final = """
SELECT count(*) FROM core_objectchange
WHERE changed_object_type_id = {kind} AND action = 'create'
  AND time BETWEEN to_timestamp({began}) AND to_timestamp({ended})
GROUP BY request_id ORDER BY min(time)
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A prefix to allocate from, and how many addresses it holds before."""

    name: str
    network: str
    used: int

    @property
    def prefix(self) -> str:
        """As NetBox writes it."""
        return f"{self.network}/16"


@dataclass(slots=True)
class NetBox:
    """A server that runs, and its database."""

    url: str
    token: str
    dsn: str
    pids: tuple[int, ...]
    last: int = 0
    cluster: int = 0

    def sql(self, *statements: str) -> list[str]:
        """Run each statement by itself; returns the lines that come out."""
        argv = ["psql", "--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", self.dsn]
        words = [word for statement in statements for word in ("-c", statement)]
        done = subprocess.run([*argv, *words], text=True, check=True, stdout=subprocess.PIPE)  # noqa: S603
        return done.stdout.split("\n")[:-1]

    def fill(self, places: list[Place]) -> dict[str, int]:
        """Make the prefixes and put addresses into them; returns the prefixes' ids."""
        ids = {place.name: self._made("ipam/prefixes/", {"prefix": place.prefix}) for place in places}
        kind = self._made("virtualization/cluster-types/", {"name": "Bench", "slug": "bench"})
        self.cluster = self._made("virtualization/clusters/", {"name": "bench", "type": kind})
        for place in places:
            self.sql(_FILL.format(name=place.name, network=place.network, count=place.used))
        self.last = int(self.sql("SELECT max(id) FROM ipam_ipaddress")[0])
        self.index(on=True)
        return ids

    def sweep(self) -> None:
        """Remove everything that was allocated since it was filled, so that each load finds the same."""
        self.sql(*(each.format(last=self.last, kinds=_KINDS) for each in _SWEEP))

    def sizes(self, began: float, ended: float) -> list[int]:
        """The sizes of the lists that were created in this time, in their order, from the change log."""
        return [int(line) for line in self.sql(_SIZES.format(kind=_KIND, began=began, ended=ended))]

    def writes(self, began: float, ended: float) -> int:
        """How many calls changed addresses, machines or interfaces in this time, from the change log."""
        return int(self.sql(_WRITES.format(kinds=_KINDS, began=began, ended=ended))[0])

    def doubled(self) -> int:
        """How many addresses there are too many: NetBox should hold none twice."""
        return int(self.sql("SELECT count(*) - count(DISTINCT host(address)) FROM ipam_ipaddress")[0])

    def index(self, *, on: bool) -> None:
        """Make or drop the index that Berth's administrators' page recommends."""
        self.sql(INDEX_SQL if on else DROP_INDEX_SQL, "VACUUM ANALYZE ipam_ipaddress")

    def cpu(self) -> float:
        """What NetBox and its database have computed so far, in seconds."""
        return sum(cpu_seconds(pid) for root in self.pids for pid in family(root))

    def versions(self) -> dict[str, str]:
        """What runs."""
        status = self._get("status/")
        postgres = self.sql("SHOW server_version")[0].split()[0]
        return {"NetBox": status["netbox-version"], "PostgreSQL": postgres}

    def _made(self, path: str, fields: dict[str, Any]) -> int:
        headers = {"Authorization": f"Token {self.token}"}
        with session() as client:
            answer = client.post(f"{self.url}/api/{path}", json=fields, headers=headers, timeout=60)
        answer.raise_for_status()
        return int(answer.json()["id"])

    def _get(self, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Token {self.token}"}
        answer: dict[str, Any] = requests.get(f"{self.url}/api/{path}", headers=headers, timeout=60).json()
        return answer


@contextmanager
def running() -> Iterator[NetBox]:
    """A NetBox of the benchmark's own, stopped when the block ends, however it ends."""
    variables = {**os.environ, "BERTH_NETBOX_INSTANCE": f"bench-{os.getpid()}"}
    variables.pop("BERTH_NETBOX_PORT", None)

    def tool(command: str) -> str:
        done = subprocess.run([_TOOL, command], env=variables, text=True, check=True, stdout=subprocess.PIPE)  # noqa: S603
        return done.stdout

    try:
        tool("start")
        said = dict(word.split("=", 1) for word in shlex.split(tool("env")) if "=" in word)
        pids = tuple(int(pid) for pid in re.findall(_PIDS, tool("status"), re.MULTILINE))
        prefix = "BERTH_TEST_NETBOX"
        netbox = NetBox(said[f"{prefix}_URL"], said[f"{prefix}_TOKEN"], said[f"{prefix}_PSQL"], pids)
        bootstrap(netbox.url, netbox.token)
        yield netbox
    finally:
        tool("stop")
