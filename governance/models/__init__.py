"""Tables of governance, one module per subject: rules, limits, decisions, tokens, notices and the audit chain.

Governance lies below provisioning and knows environments and changes by number only. Rows change in
``governance.services`` only; the audit chain is append-only.
"""

from governance.models.approval import Approval, Decision
from governance.models.audit import AuditCheckpoint, AuditEntry, AuditHead
from governance.models.budget import Budget, Edit
from governance.models.chat import SlackApp, SlackCode, SlackLink, SlackRequest
from governance.models.device_login import DeviceLogin
from governance.models.entity import CatalogImport, CatalogSource, Entity, EntityRelation
from governance.models.group_rule import GivenMembership, GroupRule, KnownGroup, KnownGroups
from governance.models.idempotency import IdempotencyRecord
from governance.models.lending import Loan, QuotaRequest
from governance.models.local_sign_in import LocalSignInRule
from governance.models.notice import Notice, NoticeSchedule, NoticeSetting
from governance.models.open_session import OpenSession
from governance.models.ownership import Ownership, Transfer
from governance.models.people_edit import PeopleEdit
from governance.models.policy import Policy
from governance.models.policy_version import PolicyVersion
from governance.models.quota import LimitEntry, Quota, Reservation
from governance.models.route import ApprovalRoute, Delegation, RouteVersion
from governance.models.scim import ScimEmail, ScimGroup, ScimRefusal, ScimToken, ScimUser
from governance.models.second_factor import AuthenticatorApp, Passkey, RecoveryCode, SecondFactorRule
from governance.models.sign_in_provider import ExternalIdentity, SignInProvider
from governance.models.tally import QuotaTally
from governance.models.token import ApiToken
from governance.models.trust_rule import SpentIdentity, TrustRule
from governance.models.webhook import OutgoingEvent, WebhookAttempt, WebhookDelivery, WebhookEndpoint

__all__ = [
    "ApiToken",
    "Approval",
    "ApprovalRoute",
    "AuditCheckpoint",
    "AuditEntry",
    "AuditHead",
    "AuthenticatorApp",
    "Budget",
    "CatalogImport",
    "CatalogSource",
    "Decision",
    "Delegation",
    "DeviceLogin",
    "Edit",
    "Entity",
    "EntityRelation",
    "ExternalIdentity",
    "GivenMembership",
    "GroupRule",
    "IdempotencyRecord",
    "KnownGroup",
    "KnownGroups",
    "LimitEntry",
    "Loan",
    "LocalSignInRule",
    "Notice",
    "NoticeSchedule",
    "NoticeSetting",
    "OpenSession",
    "OutgoingEvent",
    "Ownership",
    "Passkey",
    "PeopleEdit",
    "Policy",
    "PolicyVersion",
    "Quota",
    "QuotaRequest",
    "QuotaTally",
    "RecoveryCode",
    "Reservation",
    "RouteVersion",
    "ScimEmail",
    "ScimGroup",
    "ScimRefusal",
    "ScimToken",
    "ScimUser",
    "SecondFactorRule",
    "SignInProvider",
    "SlackApp",
    "SlackCode",
    "SlackLink",
    "SlackRequest",
    "SpentIdentity",
    "Transfer",
    "TrustRule",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookEndpoint",
]
