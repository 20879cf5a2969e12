"""What an audit entry's action is called: ``change.approve`` is "Approved a change". Pure.

An action that has no words of its own here is shown by its parts, so that nothing is hidden because it is new.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

ACTIONS: Final = MappingProxyType(
    {
        "access.denied": "Was refused",
        "account.create": "Made an account",
        "account.hand-over": "Handed an account over to the directory",
        "account.hand-back": "Took an account back from the directory",
        "account.let-go": "Let a person go",
        "account.provision": "Provisioned a person",
        "account.password-reset": "Reset a password",
        "account.sessions-end": "Ended their other sessions",
        "audit.anchor-failed": "Could not anchor the log",
        "audit.retain": "Moved old entries out",
        "change.approve": "Approved a change",
        "change.ask-again": "Asked again for approval",
        "change.cancel": "Cancelled a change",
        "change.comment": "Commented on a change",
        "change.deny": "Asked for what a rule denies",
        "change.refuse": "Ended a change that may no longer run",
        "change.reject": "Rejected a change",
        "change.replan": "Planned a change anew",
        "change.request-info": "Asked for information",
        "change.escalate": "Asked the next to decide",
        "change.expire": "Ended a change that waited too long",
        "change.resume": "Resumed a change",
        "change.start": "Started a change",
        "change.submit": "Asked for a change",
        "change.supersede": "Ended a change that nobody needs any more",
        "campaign.draft": "Drafted a campaign",
        "campaign.start": "Started a campaign",
        "campaign.postpone": "Postponed their part",
        "campaign.wave-settle": "Wave settled",
        "cluster.check": "Checked a cluster",
        "cluster.cordon": "Cordoned a cluster",
        "cluster.register": "Registered a cluster",
        "cluster.remove": "Removed a cluster",
        "cluster.uncordon": "Let a cluster take environments again",
        "cluster.update": "Changed a cluster",
        "component.create": "Made a component",
        "component.delete": "Deleted a component",
        "component.update": "Changed a component",
        "contract.default": "Chose a default version",
        "contract.publish": "Published a version",
        "contract.state": "Changed a version's state",
        "drift.give-up": "Gave up correcting drift",
        "drift.reopen": "Reopened drift",
        "drift.snooze": "Snoozed drift",
        "feedback.give": "Gave feedback",
        "grant.end-set": "Set when sharing ends",
        "grant.give": "Shared a resource",
        "grant.take-back": "Stopped sharing a resource",
        "host.give": "Gave a host name",
        "host.take": "Took a host name",
        "host.take-back": "Took back a host name",
        "membership.remove": "Removed a member",
        "membership.set": "Gave a role",
        "notice.settings": "Changed how they are told",
        "local-sign-in.set": "Set who may sign in locally",
        "login.allow": "Let a command line act for them",
        "login.refuse": "Refused a command line",
        "object.release": "Released an object",
        "orphan.delete": "Deleted an orphan",
        "place.let-go": "Let go of a place",
        "quota.set": "Set a quota",
        "run.cancel": "Cancelled a run",
        "run.cancelled": "Run was cancelled",
        "run.failed": "Run failed",
        "run.succeeded": "Run succeeded",
        "session.proof": "Proved anew who they are",
        "session.proof-failed": "Failed to prove who they are",
        "session.second-step-failed": "Failed at the second step",
        "session.sign-in": "Signed in",
        "session.sign-in-failed": "Failed to sign in",
        "session.sign-in-refused": "Was not signed in by a provider",
        "session.sign-out": "Signed out",
        "sleep.save": "Set when it sleeps",
        "stage.save": "Saved a stage",
        "stage.windows": "Set a stage's windows",
        "tally.correct": "Corrected a sum",
        "policy.retire": "Retired a policy",
        "policy.save": "Saved a policy",
        "system.alone": "Found a system without an owner",
        "system.confirm-owner": "Confirmed who owns a system",
        "system.create": "Made a system",
        "system.delete": "Deleted a system",
        "system.owned-again": "Found an owner for a system again",
        "scim.close": "Closed provisioning",
        "scim.open": "Opened provisioning",
        "scim-group.create": "Provisioned a group",
        "scim-group.delete": "Deleted a group of the directory",
        "scim-group.update": "Changed a group of the directory",
        "system.update": "Changed a system",
        "team.create": "Made a team",
        "team.update": "Changed a team",
        "agent.create": "Made an agent",
        "agent.update": "Changed an agent",
        "agent.pause": "Paused an agent",
        "agent.resume": "Let an agent go on",
        "agent.remove": "Removed an agent",
        "agent.rotate": "Gave an agent another token",
        "agent.call": "Called a tool",
        "agent.refused": "An agent was refused",
        "agent-rules.update": "Changed what holds for agents",
        "change.cosign": "Signed beside an agent",
        "token.create": "Made a token",
        "token.refused": "Used a token in vain",
        "token.revoke": "Revoked a token",
        "token.use": "Used a token",
    }
)
VIA: Final = MappingProxyType(
    {
        "portal": "Portal",
        "api": "API",
        "cli": "Command line",
        "mcp": "Agent",
        "scim": "SCIM",
        "demo": "Demo",
        "system": "Slipway itself",
    }
)


def action_words(action: str) -> str:
    """``action`` as people say it."""
    known = ACTIONS.get(action)
    if known:
        return known
    kind, _, verb = action.partition(".")
    return f"{kind}: {verb}".replace("-", " ").capitalize() if verb else action
