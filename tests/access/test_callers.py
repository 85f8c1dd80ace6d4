"""Who calls, by whatever they show."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from app.access.callers import ONE_ADDRESS, Callers
from app.access.enrolments import EnrolmentDesk
from app.access.keys import KeyRing, LastUses
from app.access.secrets import ENROLMENT, KEY, Pepper, mint
from app.access.tokens import StaticTokens, digest, owner_client
from app.domain.commands import Caller
from app.domain.credentials import ApiKey, Bounds, Enrolment
from app.domain.identity import ClaimMapping, Claims, Issuer
from app.domain.policy import Client, Policy
from app.domain.rights import ROLES, Action
from app.operations.narrowing import narrowing_of

PEPPER = Pepper(b"pepper")
TEXT, OTHER, ENROL = mint(KEY), mint(KEY), mint(ENROLMENT)
API_KEY = ApiKey(id=TEXT.id, client="ci", digest=PEPPER.digest(TEXT.text), expires_at=2000.0)
ENROLLED = Enrolment(
    id=ENROL.id, owner="ci", digest=PEPPER.digest(ENROL.text), key="web", words={}, expires_at=2000.0
)
RULES = ROLES["allocator"]
CI = Client(name="ci", digests=(digest("token-of-ci"),), rules=RULES)
OF_CI = Caller(owner="ci", rules=RULES)
ISSUER = Issuer(
    url="https://id.example",
    audiences=("berth",),
    mappings=(
        ClaimMapping(client="ci", claims={"repository": ("acme/*",)}),
        ClaimMapping(client="ci", claims={"repository": ("people/*",)}, rules=ROLES["operator"]),
        ClaimMapping(client="gone", claims={"repository": ("gone/*",)}),
    ),
)


@dataclass
class Kept:
    """What is kept of keys and enrolments, and how often it was asked for."""

    keys: dict[str, ApiKey] = field(default_factory=lambda: {TEXT.id: API_KEY})
    asked: int = 0

    async def key(self, key_id: str) -> ApiKey | None:
        """Find a key."""
        self.asked += 1
        return self.keys.get(key_id)

    async def enrolment(self, enrolment_id: str) -> Enrolment | None:
        """Find an enrolment."""
        return ENROLLED if enrolment_id == ENROLLED.id else None


async def verify(token: str) -> tuple[Issuer, Claims] | None:
    """Believe what the token says of its repository."""
    kind, _, repository = token.partition(":")
    return (ISSUER, {"repository": repository, "sub": "job\n" + "x" * 500}) if kind == "signed" else None


@dataclass
class Rig:
    """Callers, and what they are made of."""

    kept: Kept = field(default_factory=Kept)
    uses: LastUses = field(default_factory=LastUses)
    now: float = 1000.0
    policy: Policy = field(default_factory=lambda: Policy(sha256="0" * 64, clients=(CI,)))

    def callers(self) -> Callers:
        """The callers."""
        clock: Callable[[], float] = lambda: self.now  # noqa: E731
        tokens = StaticTokens((owner_client("default", "secret"),), lambda: self.policy)
        people = Callers(tokens, KeyRing(self.kept.key, PEPPER, clock, self.uses), verify, narrowing_of)
        return people.with_enrolments(EnrolmentDesk(self.kept.enrolment, PEPPER, clock))

    async def known(self, token: str, client_address: str = "192.0.2.7") -> Caller | None:
        """Who shows this."""
        return await self.callers().authenticate(token, client_address)


@pytest.fixture
def rig() -> Rig:
    """One client, one key, one enrolment, one issuer."""
    return Rig()


async def test_each_way_of_showing_who_one_is(rig: Rig) -> None:
    """All of them lead to a client, and say by what."""
    assert await rig.known("secret") == Caller(owner="default", operator=True)
    assert await rig.known("token-of-ci") == OF_CI
    assert await rig.known(TEXT.text) == replace(OF_CI, method="key", credential=TEXT.id)
    enrolled = replace(OF_CI, method="enrolment", credential=ENROL.id, narrowing=ONE_ADDRESS)
    assert await rig.known(ENROL.text) == enrolled
    signed = await rig.known("signed:acme/web")
    assert signed is not None
    assert (signed.owner, signed.method, len(signed.credential)) == ("ci", "oidc", 200)
    assert signed.credential.startswith("job\N{REPLACEMENT CHARACTER}x")


NOBODYS = {
    "an unknown key": OTHER.text,
    "a longer one": TEXT.text + "x",
    "a shorter one": TEXT.text[:-1],
    "an unknown enrolment": mint(ENROLMENT).text,
    "a signed token that is mapped to nobody": "signed:x/y",
}


@pytest.mark.parametrize("token", NOBODYS.values(), ids=NOBODYS.keys())
async def test_whatever_else_is_nobodys(rig: Rig, token: str) -> None:
    """Without a word about why."""
    assert await rig.known(token) is None


async def test_a_key_that_is_none_is_not_looked_up(rig: Rig) -> None:
    """Its checksum tells."""
    await rig.known(TEXT.text[:-1] + ("a" if TEXT.text[-1] != "a" else "b"))
    assert rig.kept.asked == 0


@pytest.mark.parametrize(
    ("change", "address", "counts"),
    [
        ({}, "192.0.2.7", True),
        ({"expires_at": 1000.0}, "192.0.2.7", False),  # it ends at this moment
        ({"expires_at": None}, "192.0.2.7", True),
        ({"revoked_at": 900.0}, "192.0.2.7", False),
        ({"digest": PEPPER.digest(OTHER.text)}, "192.0.2.7", False),  # the id of one, the secret of another
        ({"bounds": Bounds(networks=("192.0.2.0/24", "2001:db8::/32"))}, "192.0.2.7", True),
        ({"bounds": Bounds(networks=("192.0.2.0/24",))}, "::ffff:192.0.2.7", True),
        ({"bounds": Bounds(networks=("2001:db8::/32",))}, "2001:db8::1", True),
        ({"bounds": Bounds(networks=("192.0.2.0/24",))}, "198.51.100.1", False),
        ({"bounds": Bounds(networks=("192.0.2.0/24",))}, "", False),  # nobody knows from where
    ],
)
async def test_when_and_where_a_key_counts(
    rig: Rig, change: dict[str, object], address: str, counts: bool
) -> None:
    """A use that does not count is not noted as one."""
    rig.kept.keys[TEXT.id] = replace(API_KEY, **change)  # type: ignore[arg-type]
    assert (await rig.known(TEXT.text, address) is not None) is counts
    assert rig.uses.take() == ({TEXT.id: 1000.0} if counts else {})


async def test_a_use_is_noted_once(rig: Rig) -> None:
    """The last one, until it is written down."""
    for now in (1000.0, 1001.0):
        rig.now = now
        await rig.known(TEXT.text)
    assert rig.uses.take() == {TEXT.id: 1001.0}
    assert rig.uses.take() == {}


async def test_an_enrolment_ends(rig: Rig) -> None:
    """On the second."""
    rig.now = 2000.0
    assert await rig.known(ENROL.text) is None


async def test_a_client_that_the_policy_drops_has_no_credentials_left(rig: Rig) -> None:
    """However it shows who it is. Without a policy file there is none to drop it."""
    rig.policy = Policy(sha256="1" * 64)
    for token in (TEXT.text, ENROL.text, "signed:acme/web", "signed:gone/web"):
        assert await rig.known(token) is None
    rig.policy = Policy()
    assert await rig.known(TEXT.text) == Caller(owner="ci", method="key", credential=TEXT.id)


async def test_a_key_of_the_settings_owner_is_its(rig: Rig) -> None:
    """With the same rights as its token."""
    rig.kept.keys[TEXT.id] = replace(API_KEY, client="default")
    assert await rig.known(TEXT.text) == Caller(
        owner="default", operator=True, method="key", credential=TEXT.id
    )


async def test_without_a_pepper_there_are_no_keys() -> None:
    """Nor enrolments, nor issuers unless there are some."""
    bare = Callers(StaticTokens((owner_client("default", "secret"),)))
    for token in (TEXT.text, ENROL.text, "signed:acme/web"):
        assert await bare.authenticate(token, "") is None
    assert await bare.authenticate("secret", "") is not None


async def test_the_time_tells_nothing_about_which_ids_there_are(rig: Rig) -> None:
    """A known id with a wrong secret takes as long as an unknown id."""
    wrong = mint(KEY)
    rig.kept.keys[wrong.id] = replace(API_KEY, id=wrong.id)
    callers = rig.callers()

    async def spent(token: str) -> float:
        began = time.perf_counter()
        for _ in range(20):
            await callers.authenticate(token, "")
        return time.perf_counter() - began

    pairs = [(await spent(wrong.text), await spent(OTHER.text)) for _ in range(60)]
    known, unknown = (statistics.median(each) for each in zip(*pairs, strict=True))
    assert 0.6 < known / unknown < 1.6, (known, unknown)


async def test_roles_that_a_token_brings_hold_instead_of_its_clients(rig: Rig) -> None:
    """So that people of one owner may do more than its pipelines, or less."""
    operator = await rig.known("signed:people/ada")
    assert operator is not None
    assert (operator.owner, operator.rules, operator.operator) == ("ci", ROLES["operator"], True)
    pipeline = await rig.known("signed:acme/web")
    assert pipeline is not None
    assert (pipeline.rules, pipeline.operator) == (RULES, False)


@pytest.mark.parametrize(
    ("bounds", "actions", "forces"),
    [
        (Bounds(), None, True),
        (Bounds(networks=("192.0.2.0/24",)), None, True),  # from where, not what
        (Bounds(actions=("allocate",)), {Action.ALLOCATE}, False),
        (Bounds(actions=("allocate", "operate")), {Action.ALLOCATE, Action.OPERATE}, True),
        (Bounds(quota=3), set(Action), True),
        (Bounds(prefixes=("10.0.0.0/8",)), set(Action), True),
        (Bounds(names=("web-[0-9]+",)), set(Action), True),
    ],
)
async def test_a_narrowed_key_may_do_less_than_its_client(
    rig: Rig, bounds: Bounds, actions: set[Action] | None, forces: bool
) -> None:
    """And never more: the rules of the client hold, too."""
    rig.policy = Policy(sha256="0" * 64, clients=(replace(CI, rules=ROLES["administrator"]),))
    rig.kept.keys[TEXT.id] = replace(API_KEY, bounds=bounds)
    caller = await rig.known(TEXT.text)
    assert caller is not None
    assert caller.rules == ROLES["administrator"]
    assert (None if caller.narrowing is None else set(caller.narrowing.actions)) == actions
    assert caller.operator is forces


async def test_keys_are_not_narrowed_where_nobody_knows_how(rig: Rig) -> None:
    """By default; the composition root says how."""
    bare = Callers(StaticTokens((), lambda: rig.policy), KeyRing(rig.kept.key, PEPPER, lambda: 0.0))
    caller = await bare.authenticate(TEXT.text, "")
    assert caller is not None
    assert caller.narrowing is None
