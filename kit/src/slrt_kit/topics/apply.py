"""Look at a broker, bring it to what the registry wants, and see that it is there."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from slrt_kit.topics.actions import Action
from slrt_kit.topics.plan import Plan, make_plan
from slrt_kit.topics.state import BrokerState, Password, TopicState

_SEEN_WITHIN_S = 15.0
_LOOK_EVERY_S = 0.2


class BrokerFault(Exception):  # noqa: N818 — beside the libraries' KafkaError and BrokerResponseError
    """The broker is away, or refuses what we ask; the text says which and why."""


class Administered(Protocol):
    """A broker that can be looked at and changed; every method may raise `BrokerFault`."""

    async def state(self, desired: Mapping[str, TopicState]) -> BrokerState:
        """What it has; of the topics in ``desired`` also the settings named there."""

    async def try_passwords(self, given: Mapping[str, str], there: Iterable[str]) -> dict[str, Password]:
        """What it says to each password that was given, ``there`` being the users it has."""

    async def perform(self, action: Action, passwords: Mapping[str, str]) -> None:
        """Do it; ``passwords`` by user, for those whom it makes or changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a plan: what was done, and with ``reason`` the action that failed and those not tried after it."""

    done: tuple[Action, ...]
    failed: Action | None = None
    reason: str = ""
    left: tuple[Action, ...] = ()


async def look(
    broker: Administered, desired: BrokerState, passwords: Mapping[str, str], *, allow_delete: bool = False
) -> Plan:
    """The difference between the registry and the broker. Raises `BrokerFault`."""
    actual = await broker.state(desired.topics)
    tried: Mapping[str, Password] = {}
    if actual.rights is not None:
        given = {user: password for user, password in passwords.items() if user in desired.users}
        tried = await broker.try_passwords(given, actual.users)
    return make_plan(desired, actual, passwords=tried, allow_delete=allow_delete)


async def bring(
    broker: Administered, plan: Plan, passwords: Mapping[str, str], *, tell: Callable[[Action], None]
) -> Outcome:
    """Do the actions of a plan in their order, telling each that is done; the first that fails ends it."""
    done: list[Action] = []
    for action in plan.actions:
        try:
            await broker.perform(action, passwords)
        except BrokerFault as fault:
            left = plan.actions[len(done) + 1 :]
            return Outcome(done=tuple(done), failed=action, reason=str(fault), left=left)
        done.append(action)
        tell(action)
    return Outcome(done=tuple(done))


async def settled(
    broker: Administered,
    desired: BrokerState,
    passwords: Mapping[str, str],
    *,
    allow_delete: bool = False,
    seconds: float = _SEEN_WITHIN_S,
) -> Plan:
    """What is still to be done after all was done: nothing, as soon as the broker shows what it was told.

    A broker answers before all of it knows; whoever connects right after us is to find what we made. Raises
    `BrokerFault`.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        plan = await look(broker, desired, passwords, allow_delete=allow_delete)
        if plan.is_empty or asyncio.get_running_loop().time() > deadline:
            return plan
        await asyncio.sleep(_LOOK_EVERY_S)
