"""What stands beside the compose file: the proxy's configuration, and what Grafana is given."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.tools import ROOT, run, tool

pytestmark = pytest.mark.deploy
COMPOSE = ROOT / "deploy" / "compose"
SERVICES = yaml.safe_load((COMPOSE / "compose.yaml").read_text())["services"]


def test_the_proxy_does_tls_and_leads_to_berth_alone() -> None:
    """Caddy itself reads the file; metrics are on a port that it does not lead to."""
    caddy = tool("caddy", "apt-get install caddy")
    said = run(caddy, "adapt", "--adapter", "caddyfile", "--config", str(COMPOSE / "Caddyfile"))
    server = json.loads(said[said.index("{") :].splitlines()[0])["apps"]
    assert server["tls"]["automation"]["policies"][0]["issuers"] == [{"module": "internal"}]
    [http] = server["http"]["servers"].values()
    assert http["listen"] == [":443"]
    assert '"dial": "berth:8000"' in json.dumps(http)
    assert json.dumps(http).count('"dial"') == 1


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    """Each of the three files names the other by the same words."""
    [source] = yaml.safe_load((COMPOSE / "grafana" / "datasource.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in SERVICES
    [provider] = yaml.safe_load((COMPOSE / "grafana" / "dashboards.yaml").read_text())["providers"]
    folders = [mount.split(":")[1].rpartition("/")[0] for mount in SERVICES["grafana"]["volumes"]]
    assert provider["options"]["path"] in folders


def test_prometheus_looks_where_berth_shows_its_metrics() -> None:
    """The port of the settings' example."""
    config = yaml.safe_load((ROOT / "deploy" / "monitoring" / "prometheus.yaml").read_text())
    [target] = config["scrape_configs"][0]["static_configs"][0]["targets"]
    assert f"BERTH_METRICS_PORT={target.rpartition(':')[2]}" in (COMPOSE / "berth.env.example").read_text()
