"""The reference records and the requests. No ``save()`` overrides, no signals."""

from registry.models.accounts import Account
from registry.models.commodities import Commodity, Region, RegionRule
from registry.models.facilities import Facility, FacilityAudit
from registry.models.files import Evidence, RequestEvidence, Upload, UploadRow
from registry.models.notices import Notice, NoticeKind, NoticePreference
from registry.models.organisations import Organisation, User
from registry.models.people import CodeUse, Invitation
from registry.models.previews import DecisionRound, PreviewOpening
from registry.models.replay import ReplayRejection, ReplayRun, ReplayVariance
from registry.models.requests import Request

__all__ = [
    "Account",
    "CodeUse",
    "Commodity",
    "DecisionRound",
    "Evidence",
    "Facility",
    "FacilityAudit",
    "Invitation",
    "Notice",
    "NoticeKind",
    "NoticePreference",
    "Organisation",
    "PreviewOpening",
    "Region",
    "RegionRule",
    "ReplayRejection",
    "ReplayRun",
    "ReplayVariance",
    "Request",
    "RequestEvidence",
    "Upload",
    "UploadRow",
    "User",
]
