"""Tables of governance, one module per subject: rules, limits, decisions, tokens, notices and the audit chain.

Governance lies below provisioning and knows environments and changes by number only. Rows change in
``governance.services`` only; the audit chain is append-only.
"""

from governance.models.approval import Approval, Decision
from governance.models.audit import AuditCheckpoint, AuditEntry, AuditHead
from governance.models.idempotency import IdempotencyRecord
from governance.models.notice import Notice, NoticeSchedule, NoticeSetting
from governance.models.policy import Policy
from governance.models.quota import Quota, Reservation
from governance.models.token import ApiToken

__all__ = [
    "ApiToken",
    "Approval",
    "AuditCheckpoint",
    "AuditEntry",
    "AuditHead",
    "Decision",
    "IdempotencyRecord",
    "Notice",
    "NoticeSchedule",
    "NoticeSetting",
    "Policy",
    "Quota",
    "Reservation",
]
