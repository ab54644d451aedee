"""Run the demo: the stack up, the story told, the counts taken, `DEMO ok` or the step that failed and its log."""

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from slrt_local import status
from slrt_local.demo.counts import Counts, count
from slrt_local.demo.gateway import Gateway
from slrt_local.demo.story import StepFailedError, Story
from slrt_local.identity import directory
from slrt_local.parts.postgres import SERVICES, Postgres
from slrt_local.state import State

_SETTLE_S = 30.0


def play(state: State, tell: Callable[[str], None]) -> bool:
    """Play the story on a stack that is up; True when all of it happened and nothing was lost or doubled."""
    found = status.report(state)
    addresses = found["addresses"]
    since = datetime.now(UTC)
    gateway = Gateway(addresses["gateway"], directory().password, _client(addresses.get("authority")))
    story = Story(gateway, addresses["outside"], tell)
    try:
        story.play()
        counts = asyncio.run(_settled(state, addresses["kafka"], since))
    except StepFailedError as failed:
        tell(f"\nDEMO failed at: {failed.step}\n  service: {failed.service}\n  why: {failed.why}")
        tell(f"  log: {state.log(failed.service)}")
        return False
    return _tell_counts(story, gateway, counts, addresses, tell)


def _client(authority: str | None) -> httpx.Client:
    trusted = ssl.create_default_context(cafile=authority) if authority else True
    return httpx.Client(timeout=15, verify=trusted)


def _held_up(gateway: Gateway, service: str) -> list[dict[str, Any]]:
    """What the manager would have to mend."""
    items: list[dict[str, Any]] = gateway.get(f"/{service}/v1/stalls", as_user="manajer.1274")["items"]
    return items


async def _settled(state: State, bootstrap: str, since: datetime) -> Counts:
    """The counts, once the last notice of the story has gone its way (or the time for it is over)."""
    postgres = Postgres(state)
    databases = {service: postgres.service_url(service) for service in SERVICES}
    deadline = asyncio.get_running_loop().time() + _SETTLE_S
    while True:
        counts = await count(bootstrap=bootstrap, databases=databases, since=since)
        if not (counts.pending or counts.lost or counts.parked) or asyncio.get_running_loop().time() > deadline:
            return counts
        await asyncio.sleep(0.3)


def _tell_counts(
    story: Story, gateway: Gateway, counts: Counts, addresses: dict[str, str], tell: Callable[[str], None]
) -> bool:
    case = gateway.get(f"/intake/v1/cases/{story.case_id}", as_user="manajer.1274")
    referrals = sum(entry["event_type"].endswith("referral-created.v1") for entry in case["timeline"])
    arrivals = httpx.get(f"{addresses['outside']}/api/counts", timeout=5).json()
    topics = ", ".join(f"{topic} {number}" for topic, number in sorted(counts.per_topic.items()))
    tell("")
    tell(f"needs {len(case['needs'])}, referrals {referrals} (one re-routed), events {counts.archived}")
    tell(f"events per topic: {topics}")
    tell(f"received outside, since the state was made: {arrivals}")
    tell(
        f"pending {counts.pending}, parked {counts.parked}, dead letters {counts.dead}, "
        f"redelivered and absorbed {counts.redelivered}, lost {len(counts.lost)}, doubled {len(counts.doubled)}, "
        f"reordered {len(counts.reordered)}"
    )
    for line in [*counts.lost, *counts.doubled, *counts.reordered]:
        tell(f"  ! {line}")
    stalls = [each for service in ("intake", "referral") for each in _held_up(gateway, service)]
    tell(
        f"held up {len(stalls)}: "
        + (", ".join(sorted({each["kind"] for each in stalls})) or "everything open can go on")
    )
    tell("")
    for name in ("gateway", "docs", "openapi", "mails", "messages"):
        tell(f"  {name}: {addresses[name]}")
    tell("  `make status` shows the rest, `make down` stops everything.")
    own = [each for each in stalls if each["case_id"] == story.case_id]
    ok = not (own or counts.lost or counts.doubled or counts.reordered or counts.pending or counts.parked)
    tell("\nDEMO ok" if ok else "\nDEMO failed: see the lines marked with !")
    return ok
