"""Reading the policy file: every problem at once, each with its line and what to do."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from app.access.tokens import digest
from app.credentials.file import read_secret
from app.credentials.sources import SecretMissing
from app.domain.policy import Policy
from app.policyfile import models
from app.policyfile.document import Document, Unreadable, read
from app.policyfile.freeze import Problem, freeze, problems
from app.policyfile.models import ClientModel, PolicyModel

_LARGEST = 4 * 1024 * 1024
_FIELDS = sorted(
    {
        name
        for each in vars(models).values()
        if isinstance(each, type) and issubclass(each, models.Strict)
        for name in each.model_fields
    }
)
_WORDS = {
    "missing": "is missing",
    "string_type": "write text (in quotes, if it looks like a number)",
    "bool_type": "write true or false",
    "int_type": "write a whole number",
    "list_type": "write a list, such as [a, b]",
    "dict_type": "write fields, one a line",
    "model_type": "write fields, one a line",
    "too_short": "leave it out rather than empty",
    "string_too_short": "leave it out rather than empty",
}


class PolicyWrong(Exception):
    """The policy file cannot be used. `problems` has one line a problem: file, line, field, what to do."""

    def __init__(self, lines: list[str]) -> None:
        self.problems = tuple(lines)
        super().__init__("\n".join(lines))


def load(path: Path, environ: Mapping[str, str] | None) -> Policy:
    """The policy that a file holds.

    Args:
        path: the file.
        environ: where `token_env` is looked up; None leaves all tokens in variables and files out.

    Raises:
        PolicyWrong: it cannot be read, or something is wrong with it.
    """
    content = _content(path)
    try:
        document = read(content.decode())
    except UnicodeDecodeError:
        raise PolicyWrong([f"{path}: is not UTF-8"]) from None
    except Unreadable as error:
        raise PolicyWrong([f"{path}{f':{error.line}' if error.line else ''}: {error}"]) from None
    model = _validated(path, document)
    digests: dict[str, tuple[str, ...]] = {}
    found = [*problems(model), *_tokens(model, environ, digests)]
    if found:
        raise _wrong(path, document, found)
    return freeze(model, digests, hashlib.sha256(content).hexdigest())


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise PolicyWrong([f"{path}: cannot be read: {error.strerror}"]) from None
    if len(content) > _LARGEST:
        raise PolicyWrong([f"{path}: is larger than {_LARGEST} bytes"])
    return content


def _validated(path: Path, document: Document) -> PolicyModel:
    try:
        return PolicyModel.model_validate({} if document.data is None else document.data)
    except ValidationError as error:
        found = [_problem(each) for each in error.errors(include_url=False)]
        raise _wrong(path, document, found) from None


def _tokens(
    model: PolicyModel, environ: Mapping[str, str] | None, digests: dict[str, tuple[str, ...]]
) -> Iterator[Problem]:
    """Collect the digests of the clients' tokens. A digest that two clients have is nobody's."""
    owners: dict[str, str] = {}
    for name, client in (model.clients or {}).items():
        known = list(client.token_sha256 or ())
        try:
            known += [digest(token) for token in _named_tokens(client, environ)]
        except SecretMissing as error:
            yield Problem(("clients", name), str(error))
        for each in known:
            if owners.setdefault(each, name) != name:
                yield Problem(("clients", name), f"has the same token as {owners[each]}")
        digests[name] = tuple(dict.fromkeys(known))


def _named_tokens(client: ClientModel, environ: Mapping[str, str] | None) -> Iterator[str]:
    if environ is None:
        return
    if client.token_env is not None:
        token = environ.get(client.token_env, "").strip()
        if not token:
            raise SecretMissing(f"the environment variable {client.token_env} is not set")
        yield token
    if client.token_file is not None:
        yield read_secret(Path(client.token_file))


def _wrong(path: Path, document: Document, found: Iterable[Problem]) -> PolicyWrong:
    placed = sorted(((document.line(each.path), each) for each in found), key=lambda pair: pair[0])
    return PolicyWrong([f"{path}:{line}: {_field(each)}: {each.detail}" for line, each in placed])


def _field(problem: Problem) -> str:
    """The field in the words of the file; what stands in a list is counted from one."""
    words = (f"#{part + 1}" if isinstance(part, int) else part for part in problem.path)
    return " ".join(words) or "the file"


def _problem(error: ErrorDetails) -> Problem:
    path = tuple(part for part in error["loc"] if part != "[key]")
    if error["type"] == "extra_forbidden":
        near = [name for name in get_close_matches(str(path[-1]), _FIELDS, n=1) if name != path[-1]]
        hint = f"; did you mean {near[0]}?" if near else ""
        return Problem(path, f"there is no such field here{hint}")
    if error["type"] == "literal_error":
        return Problem(path, f"write {error['ctx']['expected']}")
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return Problem(path, _WORDS.get(error["type"], message))
