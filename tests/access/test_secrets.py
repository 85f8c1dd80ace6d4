"""Berth's own secrets: their form, and what is kept of them."""

import pytest

from app.access.secrets import ALPHABET, ENROLMENT, KEY, NOBODY, Pepper, id_of, mint

PEPPER = Pepper(b"pepper")


def test_a_new_secret_has_its_form() -> None:
    """Kind, id, 190 random bits, checksum; nothing in it needs quoting anywhere."""
    minted = mint(KEY)
    kind, id_, secret = minted.text.split("_")
    assert (kind, id_, len(id_), len(secret)) == ("berth", minted.id, 12, 38)
    assert set(id_ + secret) <= set(ALPHABET)
    assert id_of(minted.text, KEY) == minted.id
    assert mint(KEY).text != minted.text


def test_a_mistyped_secret_is_known_without_looking_it_up() -> None:
    """Whichever character it is."""
    text = mint(KEY).text
    for place in range(len("berth_"), len(text)):
        if text[place] != "_":
            wrong = "a" if text[place] != "a" else "b"
            assert id_of(text[:place] + wrong + text[place + 1 :], KEY) is None


@pytest.mark.parametrize(
    "text", ["", "berth", "berth__", "berth_x_y", "berth_a_b_c", "berth_\u0661_x", "x" * 9000]
)
def test_what_has_another_form_has_no_id(text: str) -> None:
    """Nor has a secret of another kind."""
    assert id_of(text, KEY) is None
    assert id_of(mint(ENROLMENT).text, KEY) is None


def test_what_is_kept_depends_on_the_pepper() -> None:
    """So that the database alone is of no use."""
    text = mint(KEY).text
    assert PEPPER.fits(text, PEPPER.digest(text))
    assert not PEPPER.fits(text, Pepper(b"other").digest(text))
    assert not PEPPER.fits("\ud800", NOBODY)


def test_no_secret_is_shown() -> None:
    """Not in a repr, so not in a log or a traceback."""
    minted = mint(KEY)
    assert minted.text not in repr(minted)
    assert "pepper" not in repr(PEPPER)
