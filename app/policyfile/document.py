"""YAML with line numbers: what the file says, and where it says it.

Only `true` and `false` are booleans, as in YAML 1.2: in 1.1 `off`, `no` and `on` are too, so `unique: off`
and a tenant called `no` would surprise. Dates stay text. A key that stands twice is an error (PyYAML takes
the last one).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

_TAG = "tag:yaml.org,2002:"


class Unreadable(Exception):
    """The text is no YAML document; `line` counts from one, 0 where there is none to name."""

    def __init__(self, line: int, detail: str) -> None:
        super().__init__(detail)
        self.line = line


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2 (and merge keys)."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own name for its table


_Loader.add_implicit_resolver(f"{_TAG}null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"^(?:true|True|false|False)$"), list("tTfF"))
_Loader.add_implicit_resolver(f"{_TAG}int", re.compile(r"^-?(?:0|[1-9][0-9]{0,17})$"), list("-0123456789"))
_Loader.add_implicit_resolver(f"{_TAG}merge", re.compile(r"^<<$"), ["<"])


@dataclass(frozen=True, slots=True)
class Document:
    """A YAML document: its data, and the nodes that know their lines."""

    data: object
    root: yaml.Node | None

    def line(self, path: Sequence[str | int]) -> int:
        """The line of what a path leads to, or of the last part of it that is there."""
        node, line = self.root, 1
        for part in path:
            found = _step(node, part)
            if found is None:
                break
            line, node = found
        return line


def read(text: str) -> Document:
    """The document that a text holds.

    Raises:
        Unreadable: it is no YAML, holds several documents, or has a key twice.
    """
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        _refuse_doubles(root)
        return Document(None if root is None else loader.construct_document(root), root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(mark.line + 1 if mark else 0, str(error.problem or error.context)) from None
    except yaml.YAMLError as error:
        raise Unreadable(0, str(error).partition("\n")[0]) from None
    except RecursionError:
        raise Unreadable(0, "it is nested too deeply") from None


def _refuse_doubles(node: yaml.Node | None) -> None:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_doubles(item)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise Unreadable(key.start_mark.line + 1, f"{key.value} stands here a second time")
            seen.add(str(key.value))
            _refuse_doubles(value)


def _step(node: yaml.Node | None, part: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item: yaml.Node = node.value[part]
        return item.start_mark.line + 1, item
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == part:
                return key.start_mark.line + 1, value
    return None
