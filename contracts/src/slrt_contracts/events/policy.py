"""Facts told by every service of its policy: which version of a region's layer is in force from when."""

from typing import Annotated, ClassVar

from pydantic import Field

from slrt_contracts.events.base import Event
from slrt_contracts.types import Moment, PolicyId, PolicyLayer, PolicyNumber


class PolicyActivated(Event):
    """What the events of all services have in common."""

    KEY: ClassVar[str] = "policy_id"

    policy_id: PolicyId
    layer: PolicyLayer
    number: PolicyNumber
    effective_from: Annotated[Moment, Field(description="From this instant (UTC) on it is in force.")]


class IntakePolicyActivated(PolicyActivated):
    """A version of a layer of the policy of intake was put into force, or back into force, from an instant on.

    What it says is read at `GET /intake/v1/policy/layers/{layer}/versions/{number}`.
    """

    TYPE: ClassVar[str] = "id.slrt.intake.policy-activated.v1"
    TOPIC: ClassVar[str] = "slrt.intake.policy.v1"


class NotificationPolicyActivated(PolicyActivated):
    """A version of a layer of the policy of notification was put into force, or back into force, from an instant on.

    What it says is read at `GET /notification/v1/policy/layers/{layer}/versions/{number}`.
    """

    TYPE: ClassVar[str] = "id.slrt.notification.policy-activated.v1"
    TOPIC: ClassVar[str] = "slrt.notification.policy.v1"


class ReferralPolicyActivated(PolicyActivated):
    """A version of a layer of the policy of referral was put into force, or back into force, from an instant on.

    What it says is read at `GET /referral/v1/policy/layers/{layer}/versions/{number}`.
    """

    TYPE: ClassVar[str] = "id.slrt.referral.policy-activated.v1"
    TOPIC: ClassVar[str] = "slrt.referral.policy.v1"
