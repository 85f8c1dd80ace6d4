"""Signed tokens of a real issuer, and every way of forging one."""

import asyncio
import time
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey
from starlette.responses import Response

from app.domain.errors import IssuerUnavailable
from app.identity import TokenRefused, issuer_of
from app.identity.fetch import MOST_BYTES
from tests.identity.conftest import Desk
from tests.identity.issuer import CONFIGURATION, JWKS, elsewhere, keyed_with, unsigned

MALLORY = RSAKey.generate_key(2048, {"kid": "mallory"})


async def test_a_good_token_says_what_it_says(desk: Desk) -> None:
    """With a key that the issuer publishes, found by its configuration."""
    claims = await desk.verifier.verify(desk.issuer.token(repository="acme/web"), desk.trusted())
    assert (claims["sub"], claims["repository"]) == ("job-1", "acme/web")


async def test_keys_are_fetched_once_for_many_tokens(desk: Desk) -> None:
    """Also where all of them come at the same moment."""
    token, issuer = desk.issuer.token(), desk.trusted()
    await asyncio.gather(*(desk.verifier.verify(token, issuer) for _ in range(20)))
    assert desk.issuer.asked == {CONFIGURATION: 1, JWKS: 1}


async def test_a_policy_may_name_the_keys_itself(desk: Desk) -> None:
    """For an issuer that publishes no configuration."""
    issuer = desk.trusted(jwks_uri=desk.issuer.url + JWKS)
    assert await desk.verifier.verify(desk.issuer.token(), issuer)
    assert desk.issuer.asked == {JWKS: 1}


NOW = int(time.time())
WRONG_CLAIMS: list[tuple[str, dict[str, object]]] = [
    ("another audience", {"aud": "vault"}),
    ("several audiences, none of them right", {"aud": ["vault", "registry"]}),
    ("no audience", {"aud": None}),
    ("an audience that is no text", {"aud": 7}),
    ("another issuer", {"iss": "https://mallory.example"}),
    ("no issuer", {"iss": None}),
    ("expired", {"exp": NOW - 3600}),
    ("no expiry", {"exp": None}),
    ("an expiry that is no time", {"exp": "tomorrow"}),
    ("not yet valid", {"nbf": NOW + 3600}),
    ("issued in the future", {"iat": NOW + 3600}),
    ("no subject", {"sub": None}),
]


@pytest.mark.parametrize(
    "changes", [each[1] for each in WRONG_CLAIMS], ids=[each[0] for each in WRONG_CLAIMS]
)
async def test_a_token_that_says_the_wrong_thing_is_refused(desk: Desk, changes: dict[str, Any]) -> None:
    """Although the issuer itself has signed it."""
    with pytest.raises(TokenRefused):
        await desk.verifier.verify(desk.issuer.token(**changes), desk.trusted())


async def test_clocks_may_differ_a_little(desk: Desk) -> None:
    """By half a minute, not by a minute."""
    now = int(time.time())
    assert await desk.verifier.verify(desk.issuer.token(exp=now - 10, nbf=now + 10), desk.trusted())
    with pytest.raises(TokenRefused):
        await desk.verifier.verify(desk.issuer.token(exp=now - 60), desk.trusted())


async def test_one_of_several_audiences_is_enough(desk: Desk) -> None:
    """Of the token's, and of the policy's."""
    issuer = desk.trusted(audiences=("old", "berth"))
    assert await desk.verifier.verify(desk.issuer.token(aud=["vault", "berth"]), issuer)


def _public_text(desk: Desk) -> bytes:
    return desk.issuer.keys[-1].as_pem(private=False)


FORGERIES = {
    "no signature at all": lambda d: unsigned(d.issuer.claims(), kid="first"),
    "none in capitals": lambda d: unsigned(d.issuer.claims(), kid="first", alg="NONE"),
    "none, with the signature of another token": lambda d: (
        unsigned(d.issuer.claims()) + d.issuer.token().rpartition(".")[2]
    ),
    "the public key as the secret of HS256": lambda d: keyed_with(
        _public_text(d), d.issuer.claims(), kid="first"
    ),
    "another key under the issuer's key id": lambda d: d.issuer.signed(d.issuer.claims(), MALLORY),
    "a key that nobody publishes": lambda d: d.issuer.signed(d.issuer.claims(), MALLORY, kid="mallory"),
    "a key that it brings along": lambda d: d.issuer.signed(
        d.issuer.claims(), MALLORY, kid="mallory", jwk=MALLORY.as_dict(private=False)
    ),
    "the address of a key": lambda d: d.issuer.signed(
        d.issuer.claims(), MALLORY, kid="mallory", jku="http://127.0.0.1:1/keys"
    ),
    "claims of one token, signature of another": lambda d: ".".join(
        [*d.issuer.token(sub="admin").split(".")[:2], d.issuer.token().rpartition(".")[2]]
    ),
    "a key id that is no text": lambda d: unsigned(d.issuer.claims(), alg="RS256", kid=7),
    "a very long key id": lambda d: d.issuer.signed(d.issuer.claims(), kid="x" * 300),
    "an algorithm that the policy does not name": lambda d: d.issuer.signed(
        d.issuer.claims(), ECKey.generate_key("P-256", {"kid": "first"})
    ),
    "two parts": lambda d: d.issuer.token().rpartition(".")[0],
    "no JSON": lambda _: "e30.e30.e30",
    "no base64": lambda _: "!.!.!",
    "nothing": lambda _: "",
    "too long": lambda d: d.issuer.token(groups="x" * 9000),
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_forged_token_is_refused(desk: Desk, forgery: Any) -> None:  # noqa: ANN401 - a table of functions
    """Whatever its header proposes, only the policy's algorithms and the issuer's keys count."""
    with pytest.raises(TokenRefused):
        await desk.verifier.verify(forgery(desk), desk.trusted())


async def test_a_key_of_an_elliptic_curve_counts_where_the_policy_says_so(desk: Desk) -> None:
    """Algorithms are pinned by issuer."""
    before, desk.issuer.keys = desk.issuer.keys, [ECKey.generate_key("P-256", {"kid": "curve"})]
    try:
        assert await desk.verifier.verify(desk.issuer.token(), desk.trusted(algorithms=("ES256",)))
    finally:
        desk.issuer.keys = before


async def test_a_rotated_key_is_found_and_the_old_one_forgotten(desk: Desk) -> None:
    """By its id, without waiting for the hour in which keys are fresh."""
    old, before = desk.issuer.token(), desk.issuer.keys
    assert await desk.verifier.verify(old, desk.trusted())
    desk.issuer.rotate("second")
    try:
        desk.clock.now += 31
        assert await desk.verifier.verify(desk.issuer.token(), desk.trusted())
        with pytest.raises(TokenRefused):
            await desk.verifier.verify(old, desk.trusted())
    finally:
        desk.issuer.keys = before


async def test_unknown_key_ids_do_not_have_the_issuer_called_again_and_again(desk: Desk) -> None:
    """Once in half a minute is enough; or anybody could turn Berth upon it."""
    await desk.verifier.verify(desk.issuer.token(), desk.trusted())
    for number in range(10):
        with pytest.raises(TokenRefused):
            await desk.verifier.verify(
                desk.issuer.signed(desk.issuer.claims(), kid=f"k{number}"), desk.trusted()
            )
    assert desk.issuer.asked[JWKS] == 1
    desk.clock.now += 31
    with pytest.raises(TokenRefused):
        await desk.verifier.verify(desk.issuer.signed(desk.issuer.claims(), kid="new"), desk.trusted())
    assert desk.issuer.asked[JWKS] == 2


async def test_a_token_without_a_key_id_is_good_where_there_is_one_key(desk: Desk) -> None:
    """Where there are several, nobody guesses."""
    token = desk.issuer.signed(desk.issuer.claims(), kid=None)
    assert await desk.verifier.verify(token, desk.trusted())
    desk.issuer.keys.append(RSAKey.generate_key(2048, {"kid": "more"}))
    try:
        desk.clock.now += 3601
        with pytest.raises(TokenRefused):
            await desk.verifier.verify(token, desk.trusted())
    finally:
        desk.issuer.keys.pop()


async def test_a_nonce_ties_a_token_to_one_sign_in(desk: Desk) -> None:
    """The one of another sign-in does not count, nor a token without any."""
    issuer = desk.trusted()
    token = desk.issuer.token(aud="web", nonce="n1")
    assert await desk.verifier.verify(token, issuer, audience="web", nonce="n1")
    for wrong in (desk.issuer.token(aud="web", nonce="n2"), desk.issuer.token(aud="web")):
        with pytest.raises(TokenRefused):
            await desk.verifier.verify(wrong, issuer, audience="web", nonce="n1")
    with pytest.raises(TokenRefused):
        await desk.verifier.verify(token, issuer, nonce="n1")


def _garbage() -> Response:
    return Response(b"<html>", media_type="text/html")


def _huge() -> Response:
    return Response(b'{"keys": [' + b" " * MOST_BYTES + b"]}")


TROUBLES: dict[str, tuple[str, Any]] = {
    "it answers 500": (CONFIGURATION, lambda: Response(status_code=500)),
    "it is no JSON": (CONFIGURATION, _garbage),
    "it is a list": (CONFIGURATION, lambda: Response(b"[]")),
    "it is nested without end": (CONFIGURATION, lambda: Response(b"[" * 100_000)),
    "it redirects": (CONFIGURATION, elsewhere("http://169.254.169.254/latest/meta-data")),
    "the keys redirect": (JWKS, elsewhere("/keys2")),
    "the keys are too large": (JWKS, _huge),
    "there are no keys": (JWKS, lambda: Response(b'{"keys": []}')),
    "the keys are no list": (JWKS, lambda: Response(b'{"keys": {"a": 1}}')),
    "the keys are symmetric": (JWKS, lambda: Response(b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}')),
    "the keys are broken": (JWKS, lambda: Response(b'{"keys": [{"kty": "RSA"}, 7, {"kty": "AKP"}]}')),
    "the keys are for encryption": (JWKS, lambda: Response(b'{"keys": [{"kty": "RSA", "use": "enc"}]}')),
}


@pytest.mark.parametrize(("path", "answer"), TROUBLES.values(), ids=TROUBLES.keys())
async def test_an_issuer_in_trouble_is_not_the_callers_fault(desk: Desk, path: str, answer: Any) -> None:  # noqa: ANN401
    """It is told to come again, the operator what is wrong; no redirect is followed."""
    desk.issuer.bad[path] = answer
    with pytest.raises(IssuerUnavailable) as told:
        await desk.verifier.verify(desk.issuer.token(), desk.trusted())
    assert 1 <= told.value.retry_after <= 30
    assert len(desk.troubles) == 1
    with pytest.raises(IssuerUnavailable):  # and is not asked again for half a minute
        await desk.verifier.verify(desk.issuer.token(), desk.trusted())
    assert desk.issuer.asked[path] == 1
    assert set(desk.issuer.asked) <= {CONFIGURATION, JWKS}
    desk.issuer.bad.clear()
    desk.clock.now += 31
    assert await desk.verifier.verify(desk.issuer.token(), desk.trusted())


CONFIGURATIONS = {
    "of another issuer": {"issuer": "https://mallory.example"},
    "with keys over plain HTTP": {"jwks_uri": "http://keys.example/keys"},
    "with a login in the address": {"jwks_uri": "https://user:secret@keys.example/keys"},
    "with a file for an address": {"jwks_uri": "file:///etc/passwd"},
    "with half an address": {"jwks_uri": "https://[::1"},
    "without keys": {"jwks_uri": None},
    "with a token endpoint over plain HTTP": {"token_endpoint": "http://id.example/token"},
}


@pytest.mark.parametrize("configuration", CONFIGURATIONS.values(), ids=CONFIGURATIONS.keys())
async def test_a_configuration_that_leads_astray_is_not_followed(
    desk: Desk, configuration: dict[str, object]
) -> None:
    """An issuer speaks for itself, and by TLS, or it does not."""
    desk.issuer.configuration.update(configuration)
    with pytest.raises(IssuerUnavailable):
        await desk.verifier.verify(desk.issuer.token(), desk.trusted())
    assert desk.issuer.asked == {CONFIGURATION: 1}


@pytest.mark.parametrize("url", ["http://id.example", "ftp://127.0.0.1/", "https://", "https://a b\n"])
async def test_no_issuer_is_asked_without_tls_beyond_loopback(desk: Desk, url: str) -> None:
    """Not even where somebody wrote it into the policy."""
    with pytest.raises(IssuerUnavailable, match="no https address"):
        await desk.verifier.verify(desk.issuer.token(), desk.trusted(url=url))


async def test_an_issuer_that_hangs_stops_nobody_else(desk: Desk) -> None:
    """It is called in a thread, and not for long."""
    desk.issuer.slow = 1.5
    began = time.monotonic()
    waiting = asyncio.create_task(desk.verifier.verify(desk.issuer.token(), desk.trusted()))
    worst = 0.0
    while not waiting.done():
        before = time.monotonic()
        await asyncio.sleep(0.005)
        worst = max(worst, time.monotonic() - before)
    with pytest.raises(IssuerUnavailable):
        await waiting
    assert time.monotonic() - began < 1.4
    assert worst < 0.3, "the event loop stood still"


async def test_an_issuer_that_is_gone_is_believed_by_its_last_keys_for_a_day(desk: Desk) -> None:
    """Its outage is not Berth's; a day later nobody knows any more which keys were withdrawn."""
    token = desk.issuer.token(exp=int(time.time()) + 3 * 24 * 3600)
    await desk.verifier.verify(token, desk.trusted())
    desk.issuer.bad[CONFIGURATION] = lambda: Response(status_code=503)
    desk.clock.now += 23 * 3600
    assert await desk.verifier.verify(token, desk.trusted())
    desk.clock.now += 3600
    with pytest.raises(IssuerUnavailable):
        await desk.verifier.verify(token, desk.trusted())


async def test_an_issuer_nobody_listens_at_is_unavailable(desk: Desk) -> None:
    """And the token is not refused for that."""
    with pytest.raises(IssuerUnavailable, match="cannot be fetched"):
        await desk.verifier.verify(desk.issuer.token(), desk.trusted(url="http://127.0.0.1:9"))


async def test_the_configuration_is_there_for_whoever_signs_people_in(desk: Desk) -> None:
    """It is fetched with the keys, and remembered as long."""
    desk.issuer.configuration["token_endpoint"] = desk.issuer.url + "/token"
    for _ in range(3):
        metadata = await desk.providers.metadata(desk.trusted())
        assert metadata.token_endpoint == desk.issuer.url + "/token"
    assert desk.issuer.asked[CONFIGURATION] == 1
    with pytest.raises(IssuerUnavailable):
        await desk.providers.metadata(desk.trusted(jwks_uri=desk.issuer.url + JWKS))


def test_whom_a_token_says_that_it_is_from(desk: Desk) -> None:
    """Not yet verified: it only tells which issuer to ask."""
    assert issuer_of(desk.issuer.token()) == desk.issuer.url
    for other in ("berth_abc", "a.b.c", "", unsigned({"iss": 7}), unsigned({})):
        assert issuer_of(other) is None
