"""Propose, decide, activate and go back: what changes a policy, each in one transaction with its record.

Two people change it: whoever approves is not who proposed (domain 13.3). Nothing with a finding is proposed or
activated, and findings are looked for in every region that the layer reaches, as everything will be at that moment and
at each later one for which something is planned.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from slrt_contracts.events import EVENT_TYPES
from slrt_contracts.events.base import Event
from slrt_kit.aggregate import RecordedEvent
from slrt_kit.audit.entries import Actor, Look
from slrt_kit.audit.record import record_looks
from slrt_kit.clock import day_of
from slrt_kit.db import UnitOfWork
from slrt_kit.outbox import Outbox
from slrt_kit.policy import store
from slrt_kit.policy.checks.roster import Roster, held_by_nobody
from slrt_kit.policy.findings import Finding, Place
from slrt_kit.policy.judging import Key, key_of
from slrt_kit.policy.layers import Documents, digest_of
from slrt_kit.policy.problems import (
    PolicyAtOnceError,
    PolicyDecidedError,
    PolicyFindingsError,
    PolicyNeverInForceError,
    PolicyNotApprovedError,
    PolicyTooSoonError,
    PolicyUnchangedError,
)
from slrt_kit.policy.rules import PolicyRules
from slrt_kit.policy.store import Activation, PolicyStore, Version, in_force
from slrt_kit.problems import NotFoundError, SeparationOfDutiesError, Text

_DISTRICT = 8
"""How long the code of a district is: no event names a finer place."""
LEAD = timedelta(seconds=10)
"""How far ahead an activation is at least: by then every process that reaches its database knows of it."""


class Draft(NamedTuple):
    """A version as if it were activated at a moment. ``goes_back``: it was in force before, so nothing is left out."""

    layer: str
    documents: Documents
    effective_from: datetime
    goes_back: bool = False


@dataclass(frozen=True, slots=True)
class PolicyChanges:
    """What may be done to the policy of a service within a unit of work. Times are the unit's clock's."""

    work: UnitOfWork
    rules: PolicyRules

    @property
    def _store(self) -> PolicyStore:
        return PolicyStore(self.work.connection)

    async def propose(self, layer: str, documents: Documents, *, why: str, by: str) -> Version:
        """Keep a draft as the next version of its layer.

        Raises:
            PolicyFindingsError: something is wrong with it, or would be in a region below. PolicyUnchangedError: it is
                what is in force.
        """
        await self._store.take_turn()
        await self.check([Draft(layer, documents, self.work.clock.now())])
        current = in_force(await self._store.activations(layer), self.work.clock.now()).get(layer)
        known = None if current is None else await self._store.version(layer, current)
        if known is not None and known.digest == digest_of(documents):
            raise PolicyUnchangedError
        number = await self._store.add(
            layer,
            documents,
            ids=(self.work.new_id(), self.work.new_id()),
            why=why,
            by=by,
            at=self.work.clock.now(),
        )
        return self._recorded("policy-proposed", await self._found(layer, number))

    async def decide(self, layer: str, number: int, *, verdict: str, why: str | None, by: str) -> Version:
        """Approve or reject a version.

        Raises:
            NotFoundError. PolicyDecidedError: somebody did. SeparationOfDutiesError: the caller proposed it.
        """
        await self._store.take_turn()
        version = await self._found(layer, number)
        if version.verdict is not None:
            raise PolicyDecidedError
        if version.proposed_by == by:
            raise SeparationOfDutiesError
        await self._store.decide(layer, number, verdict=verdict, why=why, by=by, at=self.work.clock.now())
        return self._recorded(f"policy-{verdict}", await self._found(layer, number))

    async def activate(
        self, layer: str, number: int, *, effective_from: datetime | None, why: str, by: str, kind: str = store.ACTIVATE
    ) -> Activation:
        """Put an approved version into force from an instant on; without one as soon as all processes can know.

        Raises:
            NotFoundError. PolicyNotApprovedError. PolicyTooSoonError: the instant has passed, or is nearer than `LEAD`.
            PolicyAtOnceError: another version begins then. PolicyFindingsError: something would be wrong then.
        """
        await self._store.take_turn()
        version = await self._found(layer, number)
        if version.verdict != store.APPROVED:
            raise PolicyNotApprovedError
        now = self.work.clock.now()
        begins = effective_from or now + LEAD
        if begins < now + LEAD:
            raise PolicyTooSoonError(now + LEAD)
        for other in await self._store.activations(layer):
            if other.effective_from == begins:
                raise PolicyAtOnceError(other.number)
        documents = await self._store.documents([(layer, number)])
        await self.check([Draft(layer, documents[layer, number], begins, goes_back=kind == store.ROLLBACK)])
        # Checking a nation takes seconds. Whatever lies between is checked too, so it may begin that much later.
        took = self.work.clock.now() - now
        if effective_from is None:
            begins += took
        elif begins < now + took + LEAD / 2:
            raise PolicyTooSoonError(now + took + LEAD)
        activation = Activation(begins, layer, number, kind, why, by, now)
        await keep_activation(self.work, self.rules.service, activation)
        return activation

    async def roll_back(
        self, layer: str, number: int, *, effective_from: datetime | None, why: str, by: str
    ) -> Activation:
        """Go back to a version that was in force before: one person may, since two have approved it once.

        Raises what `activate` raises.
            PolicyNeverInForceError: it never was, or it is in force.
        """
        await self._found(layer, number)
        now = self.work.clock.now()
        activations = await self._store.activations(layer)
        before = {each.number for each in activations if each.effective_from <= now}
        if number not in before or in_force(activations, now).get(layer) == number:
            raise PolicyNeverInForceError
        return await self.activate(layer, number, effective_from=effective_from, why=why, by=by, kind=store.ROLLBACK)

    async def check(self, drafts: Sequence[Draft]) -> None:
        """Raises PolicyFindingsError: with the drafts something would be wrong at their moments, or at a later one."""
        findings = await self.findings(drafts)
        if findings:
            raise PolicyFindingsError(findings)

    async def findings(self, drafts: Sequence[Draft]) -> tuple[Finding, ...]:
        """Everything that would be wrong with the drafts, in every region that they reach, now and as is planned."""
        return await findings_of_drafts(self._store, self.rules, drafts)

    async def _found(self, layer: str, number: int) -> Version:
        version = await self._store.version(layer, number)
        if version is None:
            raise NotFoundError
        return version

    def _recorded(self, action: str, version: Version) -> Version:
        actor = self.work.actor or Actor.service(self.rules.service)
        look = Look(action, "policy-version", version.version_id, ("documents",))
        record_looks(self.work, self.rules.service, actor, [look])
        return version


async def findings_of_drafts(kept: PolicyStore, rules: PolicyRules, drafts: Sequence[Draft]) -> tuple[Finding, ...]:
    """See `PolicyChanges.findings`; for whoever only reads."""
    activations = await kept.activations()
    begins = min(draft.effective_from for draft in drafts)
    moments = sorted({begins, *(each.effective_from for each in activations if each.effective_from > begins)})
    planned = [in_force(activations, moment) for moment in moments]
    wanted = sorted({pair for each in planned for pair in each.items()})
    documents = await kept.documents(wanted)
    roster = await kept.roster(day_of(begins))
    # Reading a nation's layers takes seconds, in which others are served.
    return await asyncio.to_thread(_findings, rules, drafts, moments, planned, documents, activations, roster)


def _findings(
    rules: PolicyRules,
    drafts: Sequence[Draft],
    moments: Sequence[datetime],
    planned: Sequence[Mapping[str, int]],
    documents: Mapping[tuple[str, int], Documents],
    activations: Sequence[Activation],
    roster: Roster,
) -> tuple[Finding, ...]:
    found: dict[Key, Finding] = {}
    for moment, numbers in zip(moments, planned, strict=True):
        holding = {code: (number, documents[code, number]) for code, number in numbers.items()}
        changed = set()
        for draft in drafts:
            later = any(
                each.layer == draft.layer and draft.effective_from < each.effective_from <= moment
                for each in activations
            )
            if draft.effective_from <= moment and not later:
                holding[draft.layer] = (0, _stated(draft, documents, planned[0]))
                changed.add(draft.layer)
        layers = rules.layers(holding)
        reached = {code for layer in changed for code in layers.below(layer)} | changed
        wrong = rules.findings(layers, sorted(reached))
        if not wrong and moment == moments[0]:
            before = rules.layers({code: (number, documents[code, number]) for code, number in numbers.items()})
            wrong = tuple(held_by_nobody(before, layers, changed, roster))
        for finding in wrong:
            found.setdefault(key_of(finding), finding)
    for draft in (each for each in drafts if not each.goes_back):
        for finding in left_out(draft.layer, draft.documents, _known(draft, documents, planned[0])):
            found.setdefault(key_of(finding), finding)
    return tuple(sorted(found.values(), key=key_of))


def _known(
    draft: Draft, documents: Mapping[tuple[str, int], Documents], planned: Mapping[str, int]
) -> Mapping[str, str]:
    """The documents of its layer that are in force when a draft begins."""
    number = planned.get(draft.layer)
    return {} if number is None else documents[draft.layer, number]


def _stated(
    draft: Draft, documents: Mapping[tuple[str, int], Documents], planned: Mapping[str, int]
) -> Mapping[str, str]:
    """What a draft is looked at as: a file that was left out is told once, and not all that would follow from it."""
    return draft.documents if draft.goes_back else {**_known(draft, documents, planned), **draft.documents}


def left_out(layer: str, draft: Documents, known: Documents) -> Sequence[Finding]:
    """The kinds that the version in force has and a draft has not: a forgotten file must not repeal what it said."""
    return [
        Finding(
            Place(f"{layer}/{name}.yaml"),
            "left-out",
            Text(
                "versi yang berlaku punya berkas ini, draf tidak",
                "the version in force has this file, the draft does not",
            ),
            Text(
                "sertakan berkasnya; bila memang dicabut, isi `entries: {}` (atau `parent:` wilayah di atasnya)",
                "add the file; to repeal it, write `entries: {}` (or as `parent:` the region above)",
            ),
        )
        for name in known
        if name not in draft
    ]


async def keep_activation(work: UnitOfWork, service: str, activation: Activation) -> None:
    """Keep an activation and tell it, with its entry of the audit log."""
    policy_id, told = await PolicyStore(work.connection).activate(activation)
    event = activated_event(service, policy_id, activation)
    Outbox(service).add(work, [RecordedEvent(event, told, work.clock.now())])


def activated_event(service: str, policy_id: UUID, activation: Activation) -> Event:
    """What everybody may know of an activation."""
    model = EVENT_TYPES[f"id.slrt.{service}.policy-activated.v1"]
    return model.model_validate(
        {
            "policy_id": policy_id,
            "layer": activation.layer[:_DISTRICT],
            "number": activation.number,
            "effective_from": activation.effective_from.astimezone(UTC),
        }
    )
