"""The kind ``routing``: which need goes to which function at which level, by rules whose conditions are CEL."""

from slrt_kit.policy.routing.checks import RESERVED, check
from slrt_kit.policy.routing.context import routing_context, routing_facts
from slrt_kit.policy.routing.rules import (
    KIND,
    MOST_BOXES,
    RoutingQueue,
    RoutingRule,
    by_need,
    read_queues,
    read_rules,
    winning,
)

__all__ = [
    "KIND",
    "MOST_BOXES",
    "RESERVED",
    "RoutingQueue",
    "RoutingRule",
    "by_need",
    "check",
    "read_queues",
    "read_rules",
    "routing_context",
    "routing_facts",
    "winning",
]
