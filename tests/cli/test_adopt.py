"""`berth adopt`, which reads NetBox and calls a running Berth."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.emulator import SEED_TOKEN, create_app, running
from tests.cli.said import Said, at, berth

PREFIX = "10.201.0.0/16"


@dataclass
class Adopter:
    """A Berth that adopts whatever does not begin with `bad`, and remembers what it was sent."""

    owner: str = "team"
    batches: list[tuple[bool, list[dict[str, Any]]]] = field(default_factory=list)
    lost: int = 0
    """How many results it forgets to send."""
    senseless: bool = False

    async def __call__(self, request: Request) -> Response:
        """Answer a batch."""
        items = (await request.json())["items"]
        self.batches.append((request.query_params.get("dry_run") == "true", items))
        results = [self.result(item) for item in items]
        return JSONResponse({"items": results[self.lost :]})

    def result(self, item: dict[str, Any]) -> dict[str, Any]:
        """What comes of an address."""
        name = item["dns_name"]
        if self.senseless:
            return {"status": 200}
        if name.startswith("bad"):
            problem = {"code": "name_refused", "detail": "It breaks the convention.", "errors": []}
            return {"status": 422, "problem": problem}
        return {"status": 200, "allocation": {"key": name.lower(), "owner": self.owner}}


@pytest.fixture(scope="module")
def netbox() -> Iterator[str]:
    """A NetBox with some addresses that carry no key, and some beside them."""
    with running(create_app(seed=True)) as url:
        vrf = _ask(url, "GET", "ipam/vrfs/?name=management")["results"][0]["id"]
        for address, name, more in (
            ("10.201.0.20/24", "web-02.example.org", {}),
            ("10.201.0.3/24", "web-01.example.org", {}),
            ("10.201.0.4/24", "", {}),
            ("10.201.0.5/24", "bad_name.example.org", {}),
            ("10.201.0.6/24", "ours.example.org", {"custom_fields": {"berth_key": "ours"}}),
            ("10.201.0.7/24", "inside.example.org", {"vrf": vrf}),
            ("10.202.0.3/24", "beside.example.org", {}),
            ("2001:db8:201::5/64", "six.example.org", {}),
        ):
            _ask(url, "POST", "ipam/ip-addresses/", {"address": address, "dns_name": name, **more})
        many = [{"address": f"10.203.0.{n}/24", "dns_name": f"many-{n}.example.org"} for n in range(1, 151)]
        _ask(url, "POST", "ipam/ip-addresses/", many)
        yield url


def _ask(url: str, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401 - NetBox's JSON
    headers = {"Authorization": f"Token {SEED_TOKEN}"}
    answer = requests.request(method, f"{url}/api/{path}", json=body, headers=headers, timeout=20)
    answer.raise_for_status()
    return answer.json()


@pytest.fixture
def adopter() -> Adopter:
    """A Berth."""
    return Adopter()


@pytest.fixture
def url(adopter: Adopter) -> Iterator[str]:
    """Where it is."""
    routes = [Route("/api/v1/allocations/batch", adopter.__call__, methods=["POST"])]
    with running(Starlette(routes=routes)) as url:  # type: ignore[arg-type]
        yield url


def adopt(netbox: str, url: str, *arguments: str) -> Said:
    """Run the command."""
    return berth("adopt", *arguments, **at(netbox), BERTH_URL=url)


def test_what_has_a_name_and_no_key_is_adopted(netbox: str, adopter: Adopter, url: str) -> None:
    """A line an address, in order; exit code 1 says that some were refused."""
    said = adopt(netbox, url, "--prefix", PREFIX)
    assert said == Said(
        1,
        "10.201.0.3/24  web-01.example.org  adopted  key web-01.example.org\n"
        "10.201.0.5/24  bad_name.example.org  refused  name_refused: It breaks the convention.\n"
        "10.201.0.20/24  web-02.example.org  adopted  key web-02.example.org\n"
        "10.201.0.4/24  left alone  it has no DNS name\n"
        "2 adopted, 1 refused, 1 left alone\n",
        "",
    )
    [(dry, items)] = adopter.batches
    assert dry is False
    assert items[0] == {
        "adopt": True,
        "address": "10.201.0.3/24",
        "vrf": None,
        "dns_name": "web-01.example.org",
    }


def test_a_dry_run_says_what_would_be_adopted(netbox: str, adopter: Adopter, url: str) -> None:
    """Berth is asked with `dry_run`."""
    said = adopt(netbox, url, "--prefix", "10.201.0.3/32", "--dry-run")
    assert said == Said(
        0,
        "10.201.0.3/24  web-01.example.org  would be adopted  key web-01.example.org\n"
        "1 would be adopted, 0 refused, 0 left alone\n",
        "",
    )
    assert [dry for dry, _ in adopter.batches] == [True]


def test_a_vrf_is_a_place_of_its_own(netbox: str, adopter: Adopter, url: str) -> None:
    """Its id goes to Berth, so that no second VRF of that name can be meant."""
    said = adopt(netbox, url, "--prefix", PREFIX, "--vrf", "management")
    assert said.code == 0
    [(_, [item])] = adopter.batches
    assert (item["address"], isinstance(item["vrf"], int)) == ("10.201.0.7/24", True)
    assert adopt(netbox, url, "--prefix", PREFIX, "--vrf", "nope") == Said(
        2, "", "NetBox has 0 VRFs called 'nope'.\n"
    )


def test_addresses_of_ipv6_are_adopted(netbox: str, url: str) -> None:
    """By the same command."""
    assert "1 adopted" in adopt(netbox, url, "--prefix", "2001:db8:201::/64").out


def test_many_go_in_hundreds(netbox: str, adopter: Adopter, url: str) -> None:
    """As many as a batch may hold."""
    said = adopt(netbox, url, "--prefix", "10.203.0.0/24")
    assert said.out.splitlines()[-1] == "150 adopted, 0 refused, 0 left alone"
    assert [len(items) for _, items in adopter.batches] == [100, 50]


def test_where_there_is_nothing_to_adopt_berth_is_not_asked(netbox: str, adopter: Adopter, url: str) -> None:
    """And the sum says so."""
    assert adopt(netbox, url, "--prefix", "10.204.0.0/24") == Said(
        0, "0 adopted, 0 refused, 0 left alone\n", ""
    )
    assert adopter.batches == []


def test_an_owner_that_is_named_has_to_be_the_tokens(netbox: str, adopter: Adopter, url: str) -> None:
    """A dry run tells, before anything is written."""
    said = adopt(netbox, url, "--prefix", "10.203.0.0/24", "--owner", "other")
    assert said == Said(2, "", "BERTH_TOKEN is a token of team, not of other\n")
    assert [dry for dry, _ in adopter.batches] == [True]
    assert adopt(netbox, url, "--prefix", "10.203.0.0/24", "--owner", "team").code == 0
    assert [dry for dry, _ in adopter.batches[1:]] == [True, False, True, False]


@pytest.mark.parametrize("more", [["--dry-run"], []])
def test_where_the_owner_cannot_be_told_nothing_is_adopted(
    netbox: str, adopter: Adopter, url: str, more: list[str]
) -> None:
    """All were refused, so there is nothing to send in earnest; with `--dry-run` never."""
    said = adopt(netbox, url, "--prefix", "10.201.0.5/32", "--owner", "team", *more)
    assert (said.code, said.out.splitlines()[0].endswith("It breaks the convention.")) == (1, True)
    assert [dry for dry, _ in adopter.batches] == [True]


def test_an_answer_that_leaves_some_out_is_not_believed(netbox: str, adopter: Adopter, url: str) -> None:
    """Results are told apart by their place."""
    adopter.lost = 1
    said = adopt(netbox, url, "--prefix", PREFIX)
    assert said == Said(2, "", "Berth answered for 2 of 3 addresses\n")


def test_a_result_that_makes_no_sense_is_no_adoption(netbox: str, adopter: Adopter, url: str) -> None:
    """It is neither an allocation nor a problem."""
    adopter.senseless = True
    said = adopt(netbox, url, "--prefix", "10.201.0.3/32")
    assert said.out.splitlines()[0] == "10.201.0.3/24  web-01.example.org  refused  no result"


def test_a_prefix_has_to_be_one(netbox: str) -> None:
    """Before anything is asked."""
    said = berth("adopt", "--prefix", "10.201.0.1/16", **at(netbox))
    assert (said.code, "10.201.0.1/16 has host bits set" in said.err) == (2, True)
    assert berth("adopt", **at(netbox)).code == 2


def test_both_netbox_and_berth_have_to_be_known() -> None:
    """With the variables that are missing."""
    assert "NETBOX_URL is not set" in berth("adopt", "--prefix", PREFIX, BERTH_TOKEN="t").err
    said = berth("adopt", "--prefix", PREFIX, NETBOX_URL="http://127.0.0.1:9")
    assert said.err == "BERTH_TOKEN is not set: a token of the Berth at http://127.0.0.1:8000\n"
