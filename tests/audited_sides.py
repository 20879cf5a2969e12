"""Which audit entries tell something other than an edit; every other one carries what it was before and after.

A new action is taken for an edit until it stands here with the reason why it is none.
"""

from __future__ import annotations

from collections.abc import Iterable

from governance.models import AuditEntry

_PLAN = "the plan that was asked for is kept with the change, before and after"
_SAID = "somebody said something; nothing else is another one"
_CAME = "somebody or something came in; nothing is another one"

EVENTS = {
    "access.denied": _CAME,
    "agent.call": "what an agent asked; what it changed has an entry of its own",
    "agent.refused": _CAME,
    "account.password-reset": "both sides are secret",
    "account.sessions-end": "both sides are secret",
    "audit.anchor-failed": "the log's own",
    "audit.retain": "the log's own: what it removed is in the export that it names",
    "catalog-source.hook": "both sides are secret",
    "catalog-source.import": "an import was asked for; what it makes and changes has entries of its own",
    "change.approve": "a decision: its outcome is in the entry, and what moved by it has entries of its own",
    "change.break-glass": _SAID,
    "change.comment": _SAID,
    "change.cosign": "a signature: its outcome is in the entry, and what moved by it has entries of its own",
    "change.deny": _PLAN,
    "change.escalate": "who is asked on top is in the entry",
    "change.from-git": "where a change came from; the change has an entry of its own",
    "change.glass-agreed": _SAID,
    "change.glass-objected": _SAID,
    "change.reject": "a decision: its outcome is in the entry, and what moved by it has entries of its own",
    "change.request-info": _SAID,
    "change.submit": _PLAN,
    "cluster.check": "it was looked at",
    "git-source.applied": "what a commit led to; each change and rule has an entry of its own",
    "git-source.hook": "both sides are secret",
    "git-source.sync": "a look was asked for; what it makes and changes has entries of its own",
    "login.allow": _CAME,
    "login.refuse": _CAME,
    "run.cancelled": "how a run ended; before, it ran",
    "run.failed": "how a run ended; before, it ran",
    "run.succeeded": "how a run ended; before, it ran",
    "secret.fill": "both sides are secret",
    "secret.fill-failed": "nothing is another one",
    "session.second-step-failed": _CAME,
    "session.proof": _CAME,
    "session.proof-failed": _CAME,
    "session.sign-in": _CAME,
    "session.sign-in-failed": _CAME,
    "session.sign-out": _CAME,
    "slack.code": "both sides are secret",
    "slack.refused": _CAME,
    "token.refused": _CAME,
    "token.use": _CAME,
    "webhook.replay": "something was sent again; nothing is another one",
    "webhook.rotate": "both sides are secret",
    "webhook.test": "something was sent; nothing is another one",
}


def one_sided(entries: Iterable[AuditEntry]) -> list[str]:
    """Actions of ``entries`` that edit something and do not tell both sides of it."""
    return sorted(
        {one.action for one in entries if one.action not in EVENTS and not {"before", "after"} <= set(one.data)}
    )
