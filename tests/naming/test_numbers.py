"""The next free number of a template."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import InvalidRequest, NameRefused, NameTaken
from app.domain.policy import Convention, NamePlace, Policy
from app.naming.names import EXAMINED, Names
from app.naming.numbers import Template, free_names, template_of

NEXUS = Template.parse("docker-{nn}-nexus.spaceships.work")


def test_a_template_is_read_and_written() -> None:
    """The braces hold as many n as the number has digits."""
    assert Template("docker-", 2, "-nexus.spaceships.work") == NEXUS
    assert str(NEXUS) == "docker-{nn}-nexus.spaceships.work"
    assert Template.parse("{n}") == Template("", 1, "")
    assert NEXUS.last == 99


@pytest.mark.parametrize(
    "text",
    ["", "docker", "docker-{}", "docker-{m}", "{n}-{n}", "{nn", "nn}", "{{nn}}", "{nnnnnnnnnn}", "\ud800"],
)
def test_what_is_no_template_is_refused_at_its_field(text: str) -> None:
    """Exactly one run of one to nine n in braces."""
    with pytest.raises(InvalidRequest) as refused:
        Template.parse(text, "/suggest/template")
    assert [(each.pointer, each.code) for each in refused.value.errors] == [
        ("/suggest/template", "name_pattern.malformed")
    ]
    assert "docker-{nn}-nexus.spaceships.work" in refused.value.errors[0].detail


TAKEN = [
    ([], "docker-01-nexus.spaceships.work"),  # counting starts at one
    (["docker-01-nexus.spaceships.work"], "docker-02-nexus.spaceships.work"),  # the next one
    (["docker-02-nexus.spaceships.work"], "docker-01-nexus.spaceships.work"),  # the lowest one
    (["DOCKER-01-NEXUS.spaceships.work"], "docker-02-nexus.spaceships.work"),  # compared in lower case
    (["docker-1-nexus.spaceships.work"], "docker-01-nexus.spaceships.work"),  # another width is another name
    (["docker-001-nexus.spaceships.work"], "docker-01-nexus.spaceships.work"),  # as here
    (["docker-01-sonar.spaceships.work"], "docker-01-nexus.spaceships.work"),  # so is another end
    (["podman-01-nexus.spaceships.work"], "docker-01-nexus.spaceships.work"),  # or another start
    (["docker-0x-nexus.spaceships.work"], "docker-01-nexus.spaceships.work"),  # or no number
    (["docker-\u0660\u0661-nexus.spaceships.work"], "docker-01-nexus.spaceships.work"),  # or other digits
    ([NEXUS.name(n) for n in range(1, 99)], "docker-99-nexus.spaceships.work"),  # up to the last
]


@pytest.mark.parametrize(("taken", "expected"), TAKEN)
def test_the_lowest_free_number_is_next(taken: list[str], expected: str) -> None:
    """Only names that the template could have made take a number away."""
    assert next(free_names(NEXUS, taken)) == expected


def test_a_template_that_is_used_up_says_so() -> None:
    """No number is ever wider than the template says."""
    names = Names(Policy.default)
    with pytest.raises(NameTaken, match=r"Every number of docker-.* is taken"):
        names.first_good(NEXUS, free_names(NEXUS, [NEXUS.name(n) for n in range(1, 100)]), NamePlace(), 1)


def test_the_first_good_names_are_as_many_as_are_asked_for() -> None:
    """And no more are looked at than that takes, or than is reasonable."""
    names = Names(lambda: Policy(dns_names=(Convention(name="n", reserved=frozenset({"docker-02-nexus"})),)))
    good = names.first_good(NEXUS, free_names(NEXUS, []), NamePlace(), 2)
    assert good == ["docker-01-nexus.spaceships.work", "docker-03-nexus.spaceships.work"]
    closed = Names(lambda: Policy(dns_names=(Convention(name="n", domains=("example.org",)),)))
    wide = Template.parse("a{nnnnn}.example.com")
    free = free_names(wide, [])
    with pytest.raises(NameRefused) as refused:
        closed.first_good(wide, free, NamePlace(), 1, "/x")
    assert [(each.pointer, each.code) for each in refused.value.errors] == [("/x", "name.domain")]
    assert next(free) == wide.name(EXAMINED + 1)


def test_counting_starts_where_it_is_told() -> None:
    """A caller whose first choice was taken goes on behind it."""
    assert list(free_names(Template.parse("a{n}"), ["a5"], start=3)) == ["a3", "a4", "a6", "a7", "a8", "a9"]


@given(st.sets(st.integers(0, 99)), st.text("abc-.", max_size=5), st.text("abc-.", max_size=5))
def test_the_next_name_is_free_and_no_lower_one_is(numbers: set[int], before: str, after: str) -> None:
    """Whatever is taken."""
    template = Template(before, 2, after)
    free = sorted(set(range(1, 100)) - numbers)
    found = list(free_names(template, [template.name(n) for n in numbers]))
    assert [template.number_in(name) for name in found] == free


FROM_NAMES = [
    (
        "docker-01-nexus.spaceships.work",
        [],
        "docker-{nn}-nexus.spaceships.work",
    ),  # the number between hyphens
    ("Docker-01-Nexus.example.com", [], "Docker-{nn}-Nexus.example.com"),  # capitals stay
    ("docker-7", [], "docker-{n}"),  # at the end
    ("007-bond", [], "{nnn}-bond"),  # at the start
    ("db1-02-x3", [], "db1-{nn}-x3"),  # not one that is part of a word
    ("docker.lab-01.example.com", [], None),  # nor one in the domain
    ("docker", [], None),  # nor where there is none
    ("bücher-01", [], None),  # nor in what is no host name
    ("web01.example.com", [r"[a-z]+(?P<number>\d{2})\..*"], "web{nn}.example.com"),  # where a pattern says
    ("web01.example.com", [r"x(?P<number>\d)", r"web(\d+).*"], None),  # if it fits, and has the group
    ("web.example.com", [r"web(?P<number>\d{2})?\..*"], None),  # and the group took part
    ("web-a.example.com", [r"web-(?P<number>[a-z])\..*"], None),  # and holds a number
]


@pytest.mark.parametrize(("name", "patterns", "template"), FROM_NAMES)
def test_a_template_is_found_in_a_name(name: str, patterns: list[str], template: str | None) -> None:
    """A group called `number` says where it counts; else the first number between hyphens does."""
    found = template_of(name, patterns)
    assert (None if found is None else str(found)) == template
