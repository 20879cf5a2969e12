"""Nobody opens a connection beside the module that checks where it leads.

Read from the imports of every module, so that a door that is added next year is seen. Those that may are named here
with what they call: nothing of it is typed by somebody who is not trusted with the whole installation.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
NETWORK = frozenset(
    {"aiohttp", "asyncio", "botocore", "dulwich", "ftplib", "git", "http.client", "http.server", "httpcore", "httplib2"}
    | {"httpx", "imaplib", "kubernetes", "paramiko", "poplib", "pycurl", "requests", "smtplib", "socket", "ssl"}
    | {"socketserver", "subprocess", "telnetlib", "urllib.request", "urllib3", "websocket", "websockets", "xmlrpc"}
)
PASSAGES = {
    "idp/kernel/outbound.py": {"httpcore", "socket", "ssl"},
    # Over connections to addresses that outbound has checked.
    "idp/kernel/git_transport.py": {"dulwich", "paramiko", "socket"},
    "idp/kernel/git_reader.py": {"dulwich", "paramiko"},
    # Addresses in the settings of the process, of whoever runs it.
    "governance/services/audit_export.py": {"urllib3"},
    "governance/services/notice_mail.py": {"smtplib"},
}
FOLDERS = {
    # API servers of clusters, which stand in private networks as a rule: admins register them, over verified TLS.
    "provisioning/drivers/kubernetes/": {"kubernetes", "ssl", "urllib3"},
    # A program of its own on somebody's machine.
    "portal/cli/": {"httpx", "socket"},
}
NAME_OF_THIS_MACHINE = {"gethostname"}


def modules() -> Iterator[tuple[str, str]]:
    for room in ("idp", "governance", "provisioning", "portal"):
        for file in sorted((ROOT / room).rglob("*.py")):
            yield str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")


def imported(tree: ast.Module) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{one.name}" for one in node.names}
    return {name for one in found for name in NETWORK if one == name or one.startswith(f"{name}.")}


def only_names_this_machine(tree: ast.Module) -> bool:
    uses = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "socket"
    }
    return uses <= NAME_OF_THIS_MACHINE


def may(path: str) -> set[str]:
    return PASSAGES.get(path, set()).union(*(known for folder, known in FOLDERS.items() if path.startswith(folder)))


def test_nobody_else_opens_connections() -> None:
    beside = {}
    for path, text in modules():
        tree = ast.parse(text)
        more = imported(tree) - may(path)
        if more == {"socket"} and only_names_this_machine(tree):
            continue
        if more:
            beside[path] = more
    assert beside == {}


def test_keys_of_tokens_are_never_fetched_by_the_library() -> None:
    """PyJWKClient calls whatever it is given, with urllib."""
    assert [path for path, text in modules() if "PyJWKClient" in text] == []


def test_it_sees_what_it_looks_for() -> None:
    tree = ast.parse("import urllib.request\nfrom http import client, HTTPStatus\nfrom httpx import get\nimport jwt")
    assert imported(tree) == {"urllib.request", "http.client", "httpx"}
    assert all(
        imported(ast.parse((ROOT / path).read_text(encoding="utf-8"))) == known for path, known in PASSAGES.items()
    )
