"""What changed between two OpenAPI documents, for those who call the API.

Requests may be asked for less, responses may tell more; anything else breaks somebody. Schemas are compared
by what they say, whatever they are called and wherever they stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

METHODS: Final = ("get", "put", "post", "delete", "patch", "head", "options")
_LIMITS: Final = {"maxLength": -1, "maxItems": -1, "maximum": -1, "minLength": 1, "minItems": 1, "minimum": 1}
"""Bounds of what may be sent, and in which direction they get tighter."""
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: where it is, in words, and whether it breaks a caller."""

    breaks: bool
    where: str
    what: str

    def __str__(self) -> str:
        return f"{'BREAKS' if self.breaks else 'added '} {self.where}: {self.what}"


def compare(old: Json, new: Json) -> list[Change]:
    """Every difference that a caller can notice, in the order of the old document."""
    return list(_Comparison(old, new).changes())


@dataclass(slots=True)
class _Comparison:
    """Walks through both documents at the same time."""

    old: Json
    new: Json
    _seen: set[tuple[str, str, bool]] = field(default_factory=set)

    def changes(self) -> Iterator[Change]:
        """All of them."""
        for path in {**self.old["paths"], **self.new["paths"]}:
            was, now = self.old["paths"].get(path, {}), self.new["paths"].get(path, {})
            for method in METHODS:
                if method in was or method in now:
                    yield from self._operation(f"{method.upper()} {path}", was.get(method), now.get(method))

    def _operation(self, where: str, was: Json | None, now: Json | None) -> Iterator[Change]:
        if was is None or now is None:
            yield Change(now is None, where, "is gone" if now is None else "is new")
            return
        yield from self._parameters(where, was, now)
        yield from self._body(where, was, now)
        yield from self._responses(where, was["responses"], now["responses"])

    def _parameters(self, where: str, was: Json, now: Json) -> Iterator[Change]:
        before, after = ({(p["in"], p["name"]): p for p in each.get("parameters", ())} for each in (was, now))
        for key in {**before, **after}:
            place = f"{where}, {key[0]} parameter {key[1]}"
            one, other = before.get(key), after.get(key)
            if other is None:
                yield Change(breaks=True, where=place, what="is gone")
            elif one is None:
                demanded = other.get("required", False)
                yield Change(demanded, place, "is new and required" if demanded else "is new")
            else:
                if other.get("required") and not one.get("required"):
                    yield Change(breaks=True, where=place, what="is required now")
                yield from self._schema(place, one.get("schema", {}), other.get("schema", {}), sent=True)

    def _body(self, where: str, was: Json, now: Json) -> Iterator[Change]:
        before, after = was.get("requestBody", {}), now.get("requestBody", {})
        place = f"{where}, request"
        if after.get("required") and not before.get("required"):
            yield Change(breaks=True, where=place, what="a body is required now")
        yield from self._contents(place, before.get("content", {}), after.get("content", {}), sent=True)

    def _responses(self, where: str, was: Json, now: Json) -> Iterator[Change]:
        for status in {**was, **now}:
            place = f"{where}, {status}"
            if status not in now:
                yield Change(status.startswith("2"), place, "is gone")
            elif status not in was:
                yield Change(breaks=False, where=place, what="is new")
            else:
                one, other = was[status].get("content", {}), now[status].get("content", {})
                yield from self._contents(place, one, other, sent=False)

    def _contents(self, where: str, was: Json, now: Json, *, sent: bool) -> Iterator[Change]:
        for kind in {**was, **now}:
            if kind not in now:
                yield Change(breaks=True, where=where, what=f"{kind} is gone")
            elif kind not in was:
                yield Change(breaks=False, where=where, what=f"{kind} is new")
            else:
                yield from self._schema(
                    where, was[kind].get("schema", {}), now[kind].get("schema", {}), sent=sent
                )

    def _schema(self, where: str, was: Json, now: Json, *, sent: bool) -> Iterator[Change]:
        names = (str(was.get("$ref", id(was))), str(now.get("$ref", id(now))), sent)
        if names in self._seen:
            return
        self._seen.add(names)
        was, now = _resolved(was, self.old), _resolved(now, self.new)
        yield from self._types(where, was, now, sent=sent)
        yield from self._properties(where, was, now, sent=sent)
        yield from self._values(where, was, now, sent=sent)
        if "items" in was and "items" in now:
            yield from self._schema(f"{where}[]", was["items"], now["items"], sent=sent)
        for word in ("anyOf", "oneOf", "allOf"):
            for one, other in zip(was.get(word, ()), now.get(word, ()), strict=False):
                yield from self._schema(where, one, other, sent=sent)

    def _types(self, where: str, was: Json, now: Json, *, sent: bool) -> Iterator[Change]:
        """A request may accept more kinds of values, a response give fewer."""
        before, after = _kinds(was, self.old), _kinds(now, self.new)
        if not before or not after or before == after:
            return
        wider, narrower = after - before, before - after
        breaks = bool(narrower if sent else wider)
        yield Change(breaks, where, f"was {_words(before)}, is {_words(after)}")

    def _properties(self, where: str, was: Json, now: Json, *, sent: bool) -> Iterator[Change]:
        before, after = was.get("properties", {}), now.get("properties", {})
        had, has = set(was.get("required", ())), set(now.get("required", ()))
        for name in {**before, **after}:
            place = f"{where}.{name}"
            if name not in after:
                yield Change(breaks=True, where=place, what="is gone")
            elif name not in before:
                demanded = sent and name in has
                yield Change(demanded, place, "is new and required" if demanded else "is new")
            else:
                if sent and name in has - had:
                    yield Change(breaks=True, where=place, what="is required now")
                if not sent and name in had - has:
                    yield Change(breaks=True, where=place, what="may be missing now")
                yield from self._schema(place, before[name], after[name], sent=sent)

    def _values(self, where: str, was: Json, now: Json, *, sent: bool) -> Iterator[Change]:
        before, after = set(map(str, was.get("enum", ()))), set(map(str, now.get("enum", ())))
        if before and after and before != after:
            lost = before - after
            breaks = bool(lost) if sent else False
            yield Change(breaks, where, f"values were {_words(before)}, are {_words(after)}")
        if not sent:
            return
        for name, tighter in _LIMITS.items():
            one, other = was.get(name), now.get(name)
            if other is not None and (one is None or (other - one) * tighter > 0):
                yield Change(breaks=True, where=where, what=f"{name} was {one}, is {other}")
        if now.get("pattern") and now.get("pattern") != was.get("pattern"):
            yield Change(
                breaks=True, where=where, what=f"pattern was {was.get('pattern')}, is {now['pattern']}"
            )


def _resolved(schema: Json, document: Json) -> Json:
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def _kinds(schema: Json, document: Json) -> set[str]:
    """The types that a value may have; none where the schema does not say."""
    schema = _resolved(schema, document)
    kind = schema.get("type")
    if kind is not None:
        return {kind} if isinstance(kind, str) else set(kind)
    below = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return set().union(*(_kinds(each, document) for each in below)) if below else set()


def _words(values: set[str]) -> str:
    return " or ".join(sorted(values))
