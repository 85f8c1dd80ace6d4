"""The lookups that follow a filter's name after two underscores, as SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.emulator.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from app.emulator.values import Clause

_CHARACTERS = {
    "": "{} = ?",
    "ie": "lower({}) = lower(?)",
    "ic": "instr(lower({}), lower(?)) > 0",
    "isw": "substr(lower({0}), 1, length(?)) = lower(?)",
    "iew": "substr(lower({0}), -length(?)) = lower(?)",
    "regex": "{} REGEXP ?",
    "iregex": "{} REGEXP '(?i)' || ?",
}
_TWICE = ("isw", "iew")
NEGATED = {"n": "", "nie": "ie", "nic": "ic", "nisw": "isw", "niew": "iew"}
_NUMBERS = {"": "=", "n": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_NOT = ("n",)


def characters(column: str, lookup: str, texts: Sequence[str]) -> Clause | None:
    """Compare text; several values are alternatives, several negated ones all hold."""
    if lookup == "empty":
        wanted = "=" if str(texts[-1]).lower() == "true" else "<>"
        return f"coalesce({column}, '') {wanted} ''", []
    positive = NEGATED.get(lookup, lookup)
    if positive not in _CHARACTERS:
        return None
    parts = [_CHARACTERS[positive].format(column)] * len(texts)
    values = [value for text in texts for value in [text] * (2 if positive in _TWICE else 1)]
    sql = " OR ".join(parts)
    return (f"NOT coalesce({sql}, 0)" if lookup in NEGATED else sql), values


def numbers(column: str, lookup: str, texts: Sequence[str]) -> Clause | None:
    """Compare numbers (and moments, which compare as text)."""
    if lookup == "empty":
        return f"{column} IS {'' if texts[-1].lower() == 'true' else 'NOT '}NULL", []
    if lookup not in _NUMBERS:
        return None
    if not lookup:
        return f"{column} IN ({', '.join('?' * len(texts))})", [_number(text) for text in texts]
    joint = " AND " if lookup in _NOT else " OR "
    return joint.join(f"{column} {_NUMBERS[lookup]} ?" for _ in texts), [_number(text) for text in texts]


def _number(text: str) -> int | str:
    if text[:4].isdigit() and "T" in text:
        return text
    if not text.lstrip("-").isdigit():
        raise FieldError("Enter a whole number.")
    return int(text)


def boolean(column: str, text: str) -> Clause | None:
    """Compare a boolean; anything that is none is ignored."""
    word = text.lower()
    if word not in ("true", "false", "1", "0"):
        return None
    return f"{column} = ?", [word in ("true", "1")]
