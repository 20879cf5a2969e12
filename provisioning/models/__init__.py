"""Tables of provisioning, one module per subject. Rows change in ``provisioning.services`` only."""

from provisioning.models.agent import Agent, AgentCall, AgentChange, AgentPlan, AgentRules, AgentSession
from provisioning.models.applied import AppliedDocument
from provisioning.models.author import ChangeAuthor
from provisioning.models.blast import BlastItem, BlastReport
from provisioning.models.campaign import Campaign, CampaignItem, CampaignWave
from provisioning.models.capability import Capability, Contract, PreviewTeam
from provisioning.models.change import Change, ChangeEvent
from provisioning.models.closed_costs import ClosedCost, ClosedCostSum, CostClosing
from provisioning.models.cluster_offer import ClusterOffer
from provisioning.models.default_version import DefaultVersion
from provisioning.models.definition import ClusterDefinition, ContractDefinition
from provisioning.models.departure import StageWindows, StartHold, Train
from provisioning.models.drain import Drain, DrainItem
from provisioning.models.environment import Environment, Resource, Revision
from provisioning.models.feedback import Feedback, FeedbackSubject
from provisioning.models.former_place import FormerPlace
from provisioning.models.freeze import Freeze, FreezeMark, GlassBreak
from provisioning.models.git_source import ChangeCommit, GitDocument, GitFile, GitSource, GitSync
from provisioning.models.host_claim import HostClaim
from provisioning.models.kept_draft import KeptDraft
from provisioning.models.lending import Borrowing, ResourceGrant
from provisioning.models.living import ExpiryWatch, Preview, SleepPlan
from provisioning.models.observation import ClusterWatch, Drift
from provisioning.models.orphan import Orphan
from provisioning.models.policy_replay import PolicyReplay, PolicyReplayItem
from provisioning.models.run import Run, RunEvent, Step
from provisioning.models.score import ScoreRules, ScoreWorkload
from provisioning.models.search import SearchEntry, SearchWord, SearchWordMark
from provisioning.models.shared_namespace import SharedNamespace
from provisioning.models.stage import Cluster, Stage
from provisioning.models.stage_link import StageLink
from provisioning.models.tally import PlaceTally, UseTally

__all__ = [
    "Agent",
    "AgentCall",
    "AgentChange",
    "AgentPlan",
    "AgentRules",
    "AgentSession",
    "AppliedDocument",
    "BlastItem",
    "BlastReport",
    "Borrowing",
    "Campaign",
    "CampaignItem",
    "CampaignWave",
    "Capability",
    "Change",
    "ChangeAuthor",
    "ChangeCommit",
    "ChangeEvent",
    "ClosedCost",
    "ClosedCostSum",
    "Cluster",
    "ClusterDefinition",
    "ClusterOffer",
    "ClusterWatch",
    "Contract",
    "ContractDefinition",
    "CostClosing",
    "DefaultVersion",
    "Drain",
    "DrainItem",
    "Drift",
    "Environment",
    "ExpiryWatch",
    "Feedback",
    "FeedbackSubject",
    "FormerPlace",
    "Freeze",
    "FreezeMark",
    "GitDocument",
    "GitFile",
    "GitSource",
    "GitSync",
    "GlassBreak",
    "HostClaim",
    "KeptDraft",
    "Orphan",
    "PlaceTally",
    "PolicyReplay",
    "PolicyReplayItem",
    "Preview",
    "PreviewTeam",
    "Resource",
    "ResourceGrant",
    "Revision",
    "Run",
    "RunEvent",
    "ScoreRules",
    "ScoreWorkload",
    "SearchEntry",
    "SearchWord",
    "SearchWordMark",
    "SharedNamespace",
    "SleepPlan",
    "Stage",
    "StageLink",
    "StageWindows",
    "StartHold",
    "Step",
    "Train",
    "UseTally",
]
