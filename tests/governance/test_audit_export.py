"""An export is checked by a script that knows nothing of us, and what was exported may be removed."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from governance.models import AuditCheckpoint, AuditEntry
from governance.services.audit import audit_append, audit_verify
from governance.services.audit_export import audit_anchor, audit_anchor_quietly, audit_export, audit_retain
from idp.kernel.actor import PLATFORM
from idp.kernel.errors import Conflict, Forbidden, InvalidInput
from tests.governance.tampering import unguarded
from tests.personas import NOW, Organisation

SCRIPT = django_settings.BASE_DIR / "deploy" / "audit" / "verify_export.py"
KEY = base64.urlsafe_b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.urlsafe_b64encode(bytes(range(1, 33))).decode()


@pytest.fixture
def log(organisation: Organisation, settings: Any) -> Organisation:
    settings.AUDIT_SIGNING_KEY = KEY
    for number in range(6):
        append(number, age=timedelta(days=100 - number))
    return organisation


def append(number: int, *, age: timedelta = timedelta()) -> None:
    data = {"share": 0.5, "whole": 2.0, "name": "Zoë", "nested": {"b": [1, None], "a": True}}
    audit_append(
        PLATFORM, action="test.write", object_type="test", object_id=number, object_label="ü", data=data, now=NOW - age
    )


def exported(log: Organisation, path: Path, **span: Any) -> list[dict[str, Any]]:
    lines = list(audit_export(log.rights("auditor"), now=NOW, **span))
    path.write_text("".join(lines), encoding="utf-8")
    return [json.loads(line) for line in lines]


def check(path: Path, *arguments: str) -> tuple[int, str]:
    """Status and words of the stand-alone script."""
    done = subprocess.run([sys.executable, "-I", SCRIPT, path, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def public_key(lines: list[dict[str, Any]]) -> str:
    return str(lines[-1]["public_key"])


def test_the_script_is_short_and_needs_nothing_of_ours() -> None:
    source = SCRIPT.read_text()
    assert len(source.splitlines()) < 100
    assert not any(f"import {name}" in source or f"from {name}" in source for name in ("idp", "governance", "django"))


def test_an_export_is_whole_and_signed(log: Organisation, tmp_path: Path) -> None:
    lines = exported(log, tmp_path / "audit.jsonl")
    count = AuditEntry.objects.count()
    assert check(tmp_path / "audit.jsonl", "--key", public_key(lines)) == (0, f"{count} entries, whole and in order.")


def test_a_part_of_the_log_is_as_good(log: Organisation, tmp_path: Path) -> None:
    exported(log, tmp_path / "part.jsonl", after=3, until=7)
    assert check(tmp_path / "part.jsonl") == (0, "4 entries, whole and in order.")


def alter(lines: list[dict[str, Any]]) -> None:
    lines[3]["actor_name"] = "somebody else"


def remove(lines: list[dict[str, Any]]) -> None:
    del lines[3]


def insert(lines: list[dict[str, Any]]) -> None:
    lines.insert(3, {**lines[3]})


def reorder(lines: list[dict[str, Any]]) -> None:
    lines[3], lines[4] = lines[4], lines[3]


def cut(lines: list[dict[str, Any]]) -> None:
    del lines[-2:]


def shorten(lines: list[dict[str, Any]]) -> None:
    del lines[-2]


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        pytest.param(alter, "Entry 3: altered.", id="altered"),
        pytest.param(remove, "Entry 3: removed, inserted or moved", id="removed"),
        pytest.param(insert, "Entry 4: removed, inserted or moved (entry 3 stands there).", id="inserted"),
        pytest.param(reorder, "Entry 3: removed, inserted or moved (entry 4 stands there).", id="reordered"),
        pytest.param(cut, "The head is missing", id="cut"),
        pytest.param(shorten, "is not the last one that the head names", id="shortened"),
    ],
)
def test_the_script_names_what_is_wrong(
    log: Organisation, tmp_path: Path, tamper: Callable[[list[dict[str, Any]]], None], words: str
) -> None:
    path = tmp_path / "audit.jsonl"
    lines = exported(log, path)
    tamper(lines)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    status, said = check(path)
    assert status == 1
    assert words in said


def test_a_chain_that_was_written_anew_does_not_bear_our_signature(
    log: Organisation, tmp_path: Path, settings: Any
) -> None:
    noted = public_key(exported(log, tmp_path / "before.jsonl"))
    settings.AUDIT_SIGNING_KEY = OTHER_KEY
    exported(log, tmp_path / "forged.jsonl")
    assert check(tmp_path / "forged.jsonl")[0] == 0
    status, said = check(tmp_path / "forged.jsonl", "--key", noted)
    assert (status, said) == (1, "The signature of the head does not fit the key.")


def test_an_export_without_a_key_is_not_signed(log: Organisation, tmp_path: Path, settings: Any) -> None:
    settings.AUDIT_SIGNING_KEY = ""
    exported(log, tmp_path / "audit.jsonl")
    assert check(tmp_path / "audit.jsonl")[0] == 0
    assert check(tmp_path / "audit.jsonl", "--key", "x")[0] == 1


@pytest.mark.parametrize("persona", ["developer", "maintainer", "viewer", "stranger"])
def test_only_who_may_read_all_of_it_exports(log: Organisation, persona: str) -> None:
    with pytest.raises(Forbidden):
        audit_export(log.rights(persona), now=NOW)


def retain(log: Organisation, folder: Path, *, days: int = 97) -> Path | None:
    span = timedelta(days=days)
    return audit_retain(log.actor("admin"), log.rights("admin"), older_than=span, folder=folder, now=NOW)


def test_what_was_exported_may_go_and_the_rest_stays_provable(log: Organisation, tmp_path: Path) -> None:
    first = AuditEntry.objects.filter(at__lt=NOW - timedelta(days=97)).order_by("-sequence").first()
    assert first is not None
    path = retain(log, tmp_path)
    assert path is not None
    assert check(path)[0] == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert not AuditEntry.objects.filter(sequence__lte=first.sequence).exists()
    assert audit_verify() == []
    append(99)
    assert audit_verify() == []
    exported(log, tmp_path / "rest.jsonl")
    assert check(tmp_path / "rest.jsonl")[0] == 0
    assert AuditEntry.objects.get(action="audit.retain").actor_name == "admin"


def test_it_finds_what_goes_missing_after_a_checkpoint(log: Organisation, tmp_path: Path) -> None:
    retain(log, tmp_path)
    first = AuditEntry.objects.order_by("sequence").values_list("sequence", flat=True)[0]
    with unguarded():
        AuditEntry.objects.filter(sequence=first).delete()
    assert [fault.sequence for fault in audit_verify()] == [first]


def test_nothing_young_is_removed_and_nothing_twice(log: Organisation, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="30 days"):
        retain(log, tmp_path, days=7)
    with pytest.raises(Forbidden):
        audit_retain(
            log.actor("auditor"), log.rights("auditor"), older_than=timedelta(days=90), folder=tmp_path, now=NOW
        )
    assert retain(log, tmp_path, days=200) is None


def test_it_overwrites_no_export(log: Organisation, tmp_path: Path) -> None:
    assert retain(log, tmp_path) is not None
    last = AuditEntry.objects.filter(at__lt=NOW - timedelta(days=95)).order_by("-sequence")[0]
    expected = tmp_path / f"audit-{AuditCheckpoint.objects.get().sequence + 1}-{last.sequence}.jsonl"
    expected.write_text("mine")
    with pytest.raises(Conflict):
        retain(log, tmp_path, days=95)
    assert expected.read_text() == "mine"


def test_the_database_keeps_checkpoints(log: Organisation, tmp_path: Path) -> None:
    retain(log, tmp_path)
    for tamper in (AuditCheckpoint.objects.all().delete, lambda: AuditCheckpoint.objects.update(hash="x")):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            tamper()


def test_a_head_is_anchored_to_a_file_that_grows(log: Organisation, tmp_path: Path, settings: Any) -> None:
    settings.AUDIT_ANCHOR = str(tmp_path / "anchors.jsonl")
    assert audit_anchor(now=NOW)
    append(7)
    assert audit_anchor(now=NOW)
    lines = [json.loads(line) for line in (tmp_path / "anchors.jsonl").read_text().splitlines()]
    assert [line["head"]["sequence"] for line in lines] == [AuditEntry.objects.count() - 1, AuditEntry.objects.count()]
    assert all(line["signature"] for line in lines)


class Anchor(BaseHTTPRequestHandler):
    """Answers with the status that the test asked for, and keeps what it was sent."""

    status = 204
    kept: list[bytes] = []

    def do_POST(self) -> None:
        type(self).kept.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def anchor(settings: Any) -> Any:
    server = HTTPServer(("127.0.0.1", 0), Anchor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.AUDIT_ANCHOR = f"http://127.0.0.1:{server.server_port}/heads"
    Anchor.kept.clear()
    yield Anchor
    server.shutdown()
    server.server_close()


def test_a_head_is_anchored_at_an_address(log: Organisation, anchor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert audit_anchor(now=NOW)
    assert json.loads(anchor.kept[0])["head"]["sequence"] == AuditEntry.objects.count()
    monkeypatch.setattr(anchor, "status", 500)
    audit_anchor_quietly(now=NOW)
    assert AuditEntry.objects.get(action="audit.anchor-failed").data == {
        "why": "The audit log's head could not be anchored: OSError."
    }


def test_without_an_anchor_nothing_happens(log: Organisation) -> None:
    assert audit_anchor(now=NOW) is False


def test_the_command_exports_and_says_what_is_missing(log: Organisation, tmp_path: Path) -> None:
    out = StringIO()
    call_command("audit", "export", stdout=out)
    (tmp_path / "audit.jsonl").write_text(out.getvalue(), encoding="utf-8")
    assert check(tmp_path / "audit.jsonl")[0] == 0
    with pytest.raises(CommandError, match="SLIPWAY_AUDIT_ANCHOR"):
        call_command("audit", "anchor")
    said = StringIO()
    call_command("audit", "retain", "--days", "4000", "--folder", str(tmp_path), stdout=said)
    assert "nothing that old" in said.getvalue()
