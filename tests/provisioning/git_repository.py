"""A repository for tests of files in Git: commits as plain files, read through what the worker calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any

import yaml

from idp.kernel import git_reader
from provisioning.models import GitDocument, GitSource, GitSync
from provisioning.services import git_syncs
from provisioning.services.git_sources import git_source_save, git_source_start
from provisioning.services.git_syncs import git_sync_ask, git_sync_carry_out
from tests.personas import NOW, Organisation
from tests.provisioning.organisation import spec

URL = "https://git.example/payments/infra.git"


def environment(name: str = "try", *, system: str = "checkout", **inputs: Any) -> dict[str, Any]:
    made = spec("dev", **inputs)
    made["resources"]["shop"]["inputs"]["host"] = f"{name}.dev.example"
    head = {"apiVersion": "slipway.dev/v1", "kind": "Environment", "metadata": {"system": system, "name": name}}
    return {**head, "spec": made}


def small(name: str = "try", size: int = 5, *, system: str = "checkout") -> dict[str, Any]:
    """An environment that is a database, which is what holds data."""
    head = {"apiVersion": "slipway.dev/v1", "kind": "Environment", "metadata": {"system": system, "name": name}}
    resources = {"db": {"capability": "postgres@1", "inputs": {"storageGiB": size}}}
    return {**head, "spec": {"stage": "dev", "resources": resources}}


def web(name: str = "try", replicas: int = 1, *, system: str = "checkout") -> dict[str, Any]:
    """An environment that holds no data."""
    head = {"apiVersion": "slipway.dev/v1", "kind": "Environment", "metadata": {"system": system, "name": name}}
    inputs = {"image": "registry.example/app:1.0.0", "replicas": replicas}
    resources = {"api": {"capability": "web-service@1", "inputs": inputs}}
    return {**head, "spec": {"stage": "dev", "resources": resources}}


@dataclass
class Repository:
    """``commit`` replaces all files; each is a document, a list of them, or a text."""

    monkeypatch: Any
    files: dict[str, bytes] = field(default_factory=dict)
    head: str = ""
    email: str = "ada@example.org"
    asked: list[tuple[str, str]] = field(default_factory=list)
    error: Exception | None = None

    def __post_init__(self) -> None:
        self.monkeypatch.setattr(git_syncs.git_reader, "fetch", self._fetch)

    def commit(self, **files: Any) -> str:
        """Names of files with ``__`` for “/” and without their ending."""
        self.files = {f"{name.replace('__', '/')}.yaml": _bytes(one) for name, one in files.items()}
        self.head = sha1(repr((self.head, self.files)).encode()).hexdigest()
        return self.head

    def _fetch(self, url: str, branch: str, secret: Any, known: str) -> Any:
        self.asked.append((secret.token, known))
        if self.error is not None:
            raise self.error
        if known == self.head:
            return None
        made = git_reader.Commit(self.head, "Ada Lovelace", self.email, "Make it so", NOW)
        found = [git_reader.File(path, len(text), text) for path, text in self.files.items()]
        return git_reader.Fetched(made, "", lambda wanted: (one for one in found if wanted(one.path)))


def _bytes(content: Any) -> bytes:
    if isinstance(content, str):
        return content.encode()
    documents = content if isinstance(content, list) else [content]
    return yaml.safe_dump_all(documents, sort_keys=False).encode()


def source(organisation: Organisation, who: str = "maintainer", *, name: str = "infra", **fields: Any) -> GitSource:
    given = {"team": "payments", "url": URL, **fields}
    return git_source_save(organisation.actor(who), name=name, now=NOW, **given)


def sync(organisation: Organisation, *, name: str = "infra", preview: bool = False, who: str = "admin") -> GitSync:
    """Asked for by hand, and carried out."""
    made = git_sync_ask(organisation.actor(who), source=name, preview=preview, now=NOW)
    return carried(made)


def carried(made: GitSync) -> GitSync:
    git_sync_carry_out(made.pk, now=NOW)
    made.refresh_from_db()
    return made


def started(organisation: Organisation, who: str = "maintainer", **fields: Any) -> GitSource:
    """A source that was looked at and started, and has not synced yet."""
    row = source(organisation, who, **fields)
    assert sync(organisation, name=row.name, preview=True).state == "done"
    return git_source_start(organisation.actor("admin"), name=row.name, active=True, now=NOW)


def outcomes(made: GitSync) -> dict[str, str]:
    return {one["name"] or one["file"]: one["outcome"] for one in made.report}


def document(name: str = "checkout/try") -> GitDocument:
    return GitDocument.objects.get(name=name)
