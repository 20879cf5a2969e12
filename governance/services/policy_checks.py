"""A policy while it is written: what is wrong with it and where, and what each of its own tests comes out as.

Stores nothing. Called by the editor at every pause in typing, by the API and by ``manage.py policy test``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from governance.access import Rights
from governance.domain.policy import CompiledPolicy, TriedTest, parse_policy, tried_tests
from governance.domain.policy_faults import Fault, expression_faults
from governance.domain.policy_schema import schema_errors
from governance.domain.policy_text import MAX_BYTES
from governance.services.policies import policy_problems
from idp.kernel.documents import Document, load_yaml
from idp.kernel.errors import FieldError, InvalidInput


@dataclass(frozen=True, slots=True)
class Found:
    """One thing to mend. ``line`` is in the text; ``source`` and ``pointer`` show the place in an expression."""

    path: str
    message: str
    line: int | None = None
    source: str = ""
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class PolicyCheck:
    """``policy`` is None while the document cannot be read; ``tests`` are empty then."""

    found: tuple[Found, ...] = ()
    tests: tuple[TriedTest, ...] = ()
    policy: CompiledPolicy | None = None
    document: Mapping[str, Any] | None = None

    @property
    def failing(self) -> int:
        return sum(not one.holds for one in self.tests)

    @property
    def may_be_saved(self) -> bool:
        return self.policy is not None and not self.found and (self.policy.mode == "observe" or not self.failing)

    @property
    def may_be_enforced(self) -> bool:
        return self.policy is not None and not self.found and not self.failing


def policy_check(
    rights: Rights, *, text: str = "", document: Mapping[str, Any] | None = None, name: str = ""
) -> PolicyCheck:
    """The policy in ``text``, or in ``document``. With ``name`` it must be the policy of that name. Admins only."""
    rights.require_admin()
    try:
        read = Document(document) if document is not None else load_yaml(text, max_bytes=MAX_BYTES)
    except InvalidInput as error:
        told = error.errors or (FieldError("", error.message),)
        return PolicyCheck(found=tuple(Found(one.path, one.message, one.line) for one in told))
    found = _found(read, name)
    if found:
        return PolicyCheck(found=found, document=read.data if isinstance(read.data, dict) else None)
    policy = parse_policy(read.data)
    # Failing tests are told as tests; as problems they would be told twice.
    stands = policy_problems(replace(policy, mode="observe"))
    return PolicyCheck(tuple(_lined(stands, read)), tried_tests(policy), policy, read.data)


def _found(read: Document, name: str) -> tuple[Found, ...]:
    wrong = schema_errors(read.data)
    if wrong:
        return tuple(_lined(wrong, read))
    if name and read.data["metadata"]["name"] != name:
        return tuple(_lined([FieldError("metadata.name", f"Write {name}: this page edits that policy.")], read))
    faults = expression_faults(read.data["spec"])
    if faults:
        return tuple(_pointed(faults, read))
    try:
        parse_policy(read.data)
    except InvalidInput as error:
        return tuple(_lined(error.errors, read))
    return ()


def _lined(errors: Iterable[FieldError], read: Document) -> Iterable[Found]:
    return [Found(one.path, one.message, one.line or read.line(one.path)) for one in errors]


def _pointed(faults: Iterable[Fault], read: Document) -> Iterable[Found]:
    return [Found(one.path, one.message, read.line(one.path), one.source, one.pointer) for one in faults]
