"""Signed tokens of a real issuer, all the way to an allocation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from app.policyfile import load
from tests.callers.conftest import At
from tests.identity.issuer import CONFIGURATION, LoopbackIssuer, serving, unsigned
from tests.whole import ALLOCATIONS, LAB, NetBox, Whole, whole

POLICY = """\
version: 1
clients:
  web: {{roles: [allocator]}}
  platform: {{roles: [allocator]}}
prefixes:
  - {{prefix: 192.168.4.0/24, gateway: none}}
issuers:
  - issuer: {url}
    audience: [berth, https://berth.example.com]
    clients:
      - {{client: web, claims: {{repository: acme/web, ref: ["refs/heads/main", "refs/tags/*"]}}}}
      - {{client: platform, claims: {{groups: admins}}, roles: [administrator]}}
      - {{client: platform, claims: {{groups: staff}}, roles: [auditor]}}
"""
MAIN = {"repository": "acme/web", "ref": "refs/heads/main", "sub": "repo:acme/web:ref:refs/heads/main"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[LoopbackIssuer]:
    """A CI system and an identity provider at once."""
    with serving() as issuer:
        yield issuer


@pytest.fixture
async def desk(netbox: NetBox, tmp_path: Path, issuer: LoopbackIssuer) -> AsyncIterator[Whole]:
    """A Berth that trusts it."""
    issuer.well()
    file = tmp_path / "policy.yaml"
    file.write_text(POLICY.format(url=issuer.url))
    async with whole(netbox.url, tmp_path, load(file, {})) as desk:
        yield desk


async def test_a_job_is_its_client(desk: Whole, at: At, issuer: LoopbackIssuer) -> None:
    """It allocates for it; the record has the token's subject, and the log not the token."""
    token = issuer.token(**MAIN)
    made = await at(token).post(ALLOCATIONS, json={"key": "of-job", "prefix": LAB})
    assert (made.status_code, made.json()["owner"]) == (200, "web")
    records = await desk.records(key="of-job")
    assert {(r["method"], r["credential"]) for r in records} == {("oidc", MAIN["sub"])}
    assert token not in desk.log.getvalue() + desk.audit.getvalue()
    assert (await at(token).get("/api/v1/keys")).status_code == 403
    assert (await at(token).delete(f"{ALLOCATIONS}/of-job")).status_code == 204


async def test_claims_decide_who_it_is(at: At, issuer: LoopbackIssuer) -> None:
    """Another branch is nobody; the first group that fits counts."""
    for claims, status in (
        ({**MAIN, "ref": "refs/heads/topic"}, 401),
        ({**MAIN, "ref": "refs/tags/v1"}, 200),
        ({**MAIN, "repository": "acme/web2"}, 401),
        ({"groups": ["staff", "admins"]}, 200),
        ({"groups": ["guests"]}, 401),
        ({}, 401),
    ):
        assert (await at(issuer.token(**claims)).get(ALLOCATIONS)).status_code == status, claims
    administrator, auditor = at(issuer.token(groups=["staff", "admins"])), at(issuer.token(groups="staff"))
    assert (await administrator.get("/api/v1/keys")).status_code == 200
    assert (await auditor.get("/api/v1/keys")).status_code == 403
    assert (await auditor.post(ALLOCATIONS, json={"key": "a", "prefix": LAB})).status_code == 403


async def test_a_forged_token_is_refused_and_the_reason_logged(
    desk: Whole, at: At, issuer: LoopbackIssuer
) -> None:
    """The caller learns nothing; an issuer that the policy does not name is not even looked up."""
    refused = await at(issuer.token(aud="vault", **MAIN)).get(ALLOCATIONS)
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    [line] = [line for line in desk.lines() if line["event"] == "JWT refused"]
    assert (line["issuer"], "aud" in line["reason"]) == (issuer.url, True)
    asked = issuer.asked.total()
    for token in (
        unsigned(issuer.claims(**MAIN)),
        issuer.token(iss="https://elsewhere.example", **MAIN),
        issuer.token(exp=1, **MAIN),
    ):
        assert (await at(token).get(ALLOCATIONS)).status_code == 401
    assert issuer.asked.total() == asked


async def test_an_issuer_in_trouble_is_503(desk: Whole, at: At, issuer: LoopbackIssuer) -> None:
    """With the time after which to come again; it is not a wrong token."""
    from starlette.responses import Response  # noqa: PLC0415 - only here

    issuer.bad[CONFIGURATION] = lambda: Response(status_code=500)
    for _ in range(25):
        answer = await at(issuer.token(**MAIN)).get(ALLOCATIONS)
        assert (answer.status_code, answer.json()["code"]) == (503, "issuer_unavailable")
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert [line["event"] for line in desk.lines()].count("issuer in trouble") == 1
