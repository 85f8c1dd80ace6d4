"""The worked example works: Berth starts with its environment, and its policy says what the names are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.domain.policy import NamePlace
from app.naming.names import Names
from app.policyfile import load
from app.settings import Settings, unknown_variables
from tests.tools import ROOT
from tests.whole import emulated, whole

pytestmark = pytest.mark.deploy
EXAMPLE = ROOT / "deploy" / "virgo-core"
POLICY = load(EXAMPLE / "policy.yaml", None)


def test_its_environment_is_one_that_berth_starts_with() -> None:
    """Infisical's project and path are settings; no secret stands there."""
    lines = [line for line in (EXAMPLE / "berth.env").read_text().splitlines() if line and line[0] != "#"]
    variables = dict(line.split("=", 1) for line in lines)
    settings = Settings.read(variables)
    assert unknown_variables(variables) == []
    assert settings.netbox_url == "https://netbox.spaceships.work"
    assert (settings.infisical_path, settings.infisical_environment) == ("/matrix", "prod")
    assert settings.infisical_secrets == "NETBOX_API_TOKEN,BERTH_TOKEN"
    assert settings.netbox_api_token is None
    assert settings.token is None


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("docker-01-nexus.spaceships.work", []),
        ("k8s-01-worker.spaceships.work", []),
        ("docker-1-nexus.spaceships.work", ["name.pattern"]),
        ("docker_01_nexus.spaceships.work", ["name.pattern", "name.underscore"]),
        ("docker-01-nexus.example.com", ["name.domain"]),
        ("netbox.spaceships.work", ["name.pattern", "name.reserved"]),
    ],
)
def test_its_convention_is_the_houses(name: str, codes: list[str]) -> None:
    """In Matrix's network."""
    place = NamePlace(network=POLICY.sections[0].network)
    found = [each.code for each in Names(lambda: POLICY).verdict(name, place).violations]
    assert sorted(found) == codes


async def test_an_address_gets_the_gateway_and_the_tag_of_the_house(tmp_path: Path) -> None:
    """Allocated from Matrix's prefix, as the last step of its page says."""
    with emulated() as netbox:
        known = netbox.api("GET", "extras/tags/?slug=production-dns")["count"]
        if not known:
            netbox.api("POST", "extras/tags/", {"name": "production-dns", "slug": "production-dns"})
        async with whole(netbox.url, tmp_path, replace(POLICY, clients=())) as desk:
            body = {"prefix": "192.168.3.0/24", "dns_name": "docker-07-nexus.spaceships.work"}
            answer = await desk.client.post("/api/v1/allocations", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["gateway"] == "192.168.3.1"
    assert answer.json()["tags"] == ["production-dns"]
