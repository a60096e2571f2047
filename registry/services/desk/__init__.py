"""
The registry's desk: what operators do to reference records, each act in somebody's name.

The database records every change with its actor and its reason, and refuses an actor who is no
active registry operator (``sql/046_changes.sql``).
"""

from registry.services.desk.accounts import register_account, set_account_status
from registry.services.desk.commodities import (
    edit_commodity,
    end_region_rule,
    register_commodity,
    register_region,
    register_region_rule,
)
from registry.services.desk.facilities import (
    edit_facility,
    record_audit,
    register_facility,
    set_facility_status,
)
from registry.services.desk.organisations import (
    edit_organisation,
    reactivate_organisation,
    register_organisation,
    suspend_organisation,
)

__all__ = [
    "edit_commodity",
    "edit_facility",
    "edit_organisation",
    "end_region_rule",
    "reactivate_organisation",
    "record_audit",
    "register_account",
    "register_commodity",
    "register_facility",
    "register_organisation",
    "register_region",
    "register_region_rule",
    "set_account_status",
    "set_facility_status",
    "suspend_organisation",
]
