"""Stores as the service composes them, for tests without a runtime."""

from slrt_intake.store.case_clocks import CaseClocks
from slrt_intake.store.cases import CaseStores
from slrt_kit.outbox import Outbox
from slrt_kit.privacy import Vault
from slrt_kit.testing import packaged_deadlines


def packaged_stores(vault: Vault) -> CaseStores:
    """What opens the store of a unit of work, under the policy that comes with the service."""
    return CaseStores(Outbox("intake"), vault, CaseClocks(packaged_deadlines("intake")))
