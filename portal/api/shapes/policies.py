"""Shapes of policies beyond the document: versions and checks."""

from __future__ import annotations

from portal.api.shapes.words import (
    anything,
    flag,
    link,
    listed,
    maybe,
    moment,
    page_of,
    record,
    shape,
    text,
    whole,
)

_VERSION_FIELDS = {
    "number": whole("The policy's `version` then."),
    "mode": text(one_of=("enforce", "observe")),
    "active": flag("False once it was retired."),
    "note": text("How it came about when it was not an edit."),
    "digest": text("SHA-256 of the canonical document."),
    "at": moment(),
    "by": maybe(text()),
    "url": link(),
}
POLICY_VERSION = shape("PolicyVersion", record(_VERSION_FIELDS))
POLICY_VERSION_PAGE = page_of(POLICY_VERSION)
POLICY_VERSION_WHOLE = shape(
    "PolicyVersionWhole",
    record(
        {**_VERSION_FIELDS, "document": anything("The whole document."), "text": text("As it was written, in YAML.")}
    ),
)
POLICY_CHECK = shape(
    "PolicyCheck",
    record(
        {
            "may_be_saved": flag("In the mode that it has."),
            "may_be_enforced": flag("Nothing stands against it and each of its tests holds."),
            "found": listed(
                record(
                    {
                        "path": text(),
                        "message": text(),
                        "line": maybe(whole("Of the YAML that was sent; null for JSON.")),
                        "source": text("The line of the expression; empty when the place is no expression."),
                        "pointer": text("A caret below the place in `source`."),
                    }
                )
            ),
            "tests": listed(
                record({"name": text(), "expect": text(), "came": text(), "holds": flag(), "detail": text()})
            ),
        }
    ),
)
