"""Everybody in the regency: residents who come and answer, desks and offices that work, forget, and are reminded."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from tests.year.agenda import Act, Agenda
from tests.year.draw import Draw
from tests.year.plan import (
    BACK_OFFICE,
    DESKS,
    MANAGER,
    QUEUE,
    REGENCY,
    ROSTER,
    SUPERVISORS,
    Arrival,
    Desk,
    declines,
    outcome,
)
from tests.year.services import EVERYWHERE, Services

from slrt_contracts.codes import (
    ClockExtensionReason,
    ClockPauseReason,
    DecidedByLevel,
    DutyRole,
    NeedCode,
    NeedDecision,
    Recommendation,
    RegistryStatus,
)
from slrt_contracts.envelope import Envelope
from slrt_contracts.events import Event, decode_event
from slrt_contracts.events.clocks import (
    CaseClockEscalated,
    CaseClockReminded,
    ReferralClockEscalated,
    ReferralClockReminded,
)
from slrt_contracts.events.intake import CaseResolved
from slrt_contracts.events.referral import ReferralSent
from slrt_contracts.types import CaseId, NeedId
from slrt_intake.domain.duty import DutyTerms
from slrt_intake.domain.party import Contact, Person, Relation
from slrt_intake.usecases import cases as case_work
from slrt_intake.usecases import duties as duty_work
from slrt_intake.usecases.cases import NeedInput, RegisterCase
from slrt_kit.clock import day_of
from slrt_kit.clocks.clock import ClockState
from slrt_kit.clocks.commands import ClockCommands
from slrt_kit.clocks.lengths import Length, Unit
from slrt_kit.clocks.problems import ExtensionRefusedError
from slrt_kit.clocks.reporting import packaged_roles
from slrt_kit.inbox import RawEvent
from slrt_kit.regions import NATION, Level, Regions, region_code
from slrt_referral import usecases as referral_work
from slrt_referral.usecases import CompleteReferral, DeclineReferral

_LISTED: Final = {RegistryStatus.LISTED: 62.0, RegistryStatus.NOT_LISTED: 30.0, RegistryStatus.UNKNOWN: 8.0}
_RECOMMENDED: Final = {
    Recommendation.REFER: NeedDecision.REFER,
    Recommendation.SOLVE_LOCALLY: NeedDecision.SOLVED_LOCALLY,
}
_SOLVED_LOCALLY: Final = 0.04
_ANSWERS: Final = 0.6
"""How many residents say whether it helped; of the others the case closes by their silence."""
_SATISFIED: Final = 0.85
_MOVES: Final = 0.02
_HEEDS: Final = {"-20%": 0.5, "0": 0.7, "+3wd": 0.85}
"""How many of those who forgot it act upon a notice; upon any later one everybody does."""
_LACKS_A_PAPER: Final = 0.06
_FETCHES_A_PAPER_H: Final = 90.0
_ASKS_FOR_TIME: Final = 0.3
_MORE: Final = Length(Unit.WORKING_DAYS, 5)
_AFTER_NOTICE: Final = Desk(3.0, 0.0)
_REMINDERS = (CaseClockReminded, CaseClockEscalated, ReferralClockReminded, ReferralClockEscalated)


@dataclass
class Story:
    """What one case is about, and what somebody forgot to do. ``number`` counts from 1."""

    number: int
    case_id: CaseId
    needs: Mapping[NeedId, NeedCode]
    forgotten: dict[UUID, tuple[str, Act]] = field(default_factory=dict)


class People:
    """Plans what everybody does next, from what has happened."""

    def __init__(self, services: Services, agenda: Agenda, seed: int) -> None:
        self._services = services
        self._agenda = agenda
        self._seed = seed
        self._regions = Regions.load()
        self._calendar = services.deadlines.at(REGENCY, services.clock.now()).policy.calendar()
        self.villages = sorted(
            code
            for district in self._regions.at(Level.DISTRICT)
            if district.code.startswith(REGENCY)
            for code in self._regions.village_names(district.code)
        )
        self.stories: dict[UUID, Story] = {}
        self.told: dict[str, int] = {}
        self.told_twice = 0
        self.stalls = 0
        self._notices: set[tuple[UUID, str, datetime]] = set()
        self._hears: Mapping[type[Event], Callable[[Any], None]] = {
            ReferralSent: self._referral_sent,
            CaseResolved: self._case_resolved,
            **dict.fromkeys(_REMINDERS, self._notice),
        }

    def is_working(self, day: date) -> bool:
        """Whether the offices of the regency work on a day."""
        return self._calendar.is_working_day(day)

    def hear(self, told: list[RawEvent]) -> None:
        """Plan what follows from what was told."""
        for raw in told:
            envelope = Envelope.from_headers(raw.headers)
            event = decode_event(envelope.type, raw.payload or b"")
            name = type(event).__name__
            self.told[name] = self.told.get(name, 0) + 1
            act = self._hears.get(type(event))
            if act is not None:
                act(event)

    async def take_up_duty(self) -> None:
        """Everybody begins on the first day."""
        at = self._now()
        places = [*((role, who, REGENCY) for role, who in ROSTER)]
        places += [(DutyRole.PROVINCE_DESK, "provinsi-1", REGENCY[:2]), (DutyRole.CENTRE_DESK, "pusat-1", NATION)]
        terms = [
            DutyTerms.at(officer=who, role=role, area_code=area, office_code=None, first_day=day_of(at), last_day=None)
            for role, who, area in places
        ]
        async with self._services.intake.database.unit_of_work() as unit:
            reports = await duty_work.assign_all(
                terms,
                duties=self._services.duties(unit),
                regions=self._regions,
                scope=EVERYWHERE,
                has_role=lambda _, role: role in packaged_roles(),
                by="admin-1",
                at=at,
                new_id=self._services.new_id,
                dry_run=False,
            )
            await unit.commit()
        if any(report.result != "new" for report in reports):
            raise RuntimeError(f"the roster was refused: {reports}")
        self._services.intake.has_news = True

    async def look_for_stalls(self) -> None:
        """The check that always runs looks once a week, and what it finds counts against the year."""
        self.stalls += await self._services.look_for_stalls()
        self._agenda.put(self._now() + timedelta(days=7), self.look_for_stalls)

    # -- cases --------------------------------------------------------------------------------------------------------

    async def arrive(self, arrival: Arrival) -> None:
        """Somebody's trouble becomes a case."""
        services, new_id = self._services, self._services.new_id
        person = Person(
            person_id=new_id(),
            relation=Relation.CLIENT,
            name=f"Warga {arrival.number}",
            nik=None,
            birth_date=None,
            sex=None,
        )
        command = RegisterCase(
            channel=arrival.channel,
            village_code=self.villages[arrival.village],
            persons=[person],
            contact=Contact(phone=None, email=None, language="id", kk_number=None, address=None),
            needs=[
                NeedInput(
                    need_code=need.code,
                    person_ref=0,
                    urgent=need.urgent,
                    description=None,
                    attributes=dict(need.attributes),
                )
                for need in arrival.needs
            ],
        )
        async with services.intake.database.unit_of_work() as unit:
            case = await case_work.register_case(
                command,
                cases=services.cases(unit),
                regions=self._regions,
                scope=EVERYWHERE,
                by=arrival.by,
                at=services.clock.now(),
                new_id=new_id,
            )
            await unit.commit()
        services.intake.has_news = True
        story = Story(arrival.number, case.case_id, {need.need_id: need.need_code for need in case.needs})
        self.stories[case.case_id] = story
        self._plan(story, case.case_id, "screen", DESKS["screen"], lambda: self._screen(story))
        draw = self._draw(story, "moves")
        if draw.chance(_MOVES):
            self._agenda.put(self._worked(draw.waiting(20.0)), lambda: self._move(story, draw.one_of(self.villages)))

    async def _screen(self, story: Story) -> None:
        found = self._draw(story, "listed").weighted(_LISTED)
        async with self._services.case(story.case_id) as (case, store):
            await case_work.screen_case(case, registry_status=found, cases=store, at=self._now())
        self._plan(story, story.case_id, "recommend", DESKS["recommend"], lambda: self._recommend(story))

    async def _recommend(self, story: Story) -> None:
        draw = self._draw(story, "recommends")
        proposed = {
            need: Recommendation.SOLVE_LOCALLY if draw.chance(_SOLVED_LOCALLY) else Recommendation.REFER
            for need in story.needs
        }
        async with self._services.case(story.case_id) as (case, store):
            await case_work.recommend(case, proposed, cases=store, by=draw.one_of(BACK_OFFICE), at=self._now())
        decided = {need: _RECOMMENDED[each] for need, each in proposed.items()}
        self._plan(story, story.case_id, "decide", DESKS["decide"], lambda: self._decide(story, decided))

    async def _decide(self, story: Story, decided: Mapping[NeedId, NeedDecision]) -> None:
        by = self._draw(story, "decides").one_of((MANAGER, *SUPERVISORS))
        async with self._services.case(story.case_id) as (case, store):
            await case_work.decide(case, decided, cases=store, by=by, level=DecidedByLevel.REGENCY, at=self._now())

    async def _move(self, story: Story, village: str) -> None:
        async with self._services.case(story.case_id) as (case, store):
            if case.closed_at is None and case.village_code != village:
                case.transfer(region_code(village), at=self._now())
                await store.save(case)

    def _case_resolved(self, event: CaseResolved) -> None:
        story = self.stories[event.case_id]
        draw = self._draw(story, "answers")
        if draw.chance(_ANSWERS):
            satisfied = draw.chance(_SATISFIED)
            at = self._now() + timedelta(hours=draw.waiting(60.0))
            self._agenda.put(at, lambda: self._answer(story, satisfied=satisfied))

    async def _answer(self, story: Story, *, satisfied: bool) -> None:
        async with self._services.case(story.case_id) as (case, store):
            if case.closed_at is None:
                await case_work.confirm_by_resident(case, satisfied=satisfied, cases=store, at=self._now())

    # -- offices ------------------------------------------------------------------------------------------------------

    def _referral_sent(self, event: ReferralSent) -> None:
        story = self.stories[event.case_id]
        desk, need = DESKS[event.office_code], story.needs[event.need_id]
        draw = self._draw(story, "office", event.office_code, need)
        reason = None if event.office_code == QUEUE else declines(draw)
        # A flood knows no office hours.
        night_too = event.urgent and need is NeedCode.BENCANA

        async def answer() -> None:
            async with self._services.referral_of(event.referral_id) as (referral, store):
                by = f"petugas {event.office_code}"
                if reason is None:
                    await referral_work.accept(referral, referrals=store, by=by, at=self._now())
                else:
                    await referral_work.decline(
                        referral,
                        DeclineReferral(reason=reason, better_office=None, note=None),
                        referrals=store,
                        policy=self._services.routing.at(event.district_code),
                        by=by,
                        at=self._now(),
                        new_id=self._services.new_id,
                    )
                    return
            if draw.chance(_LACKS_A_PAPER):
                self._agenda.put(self._worked(draw.waiting(desk.hours)), pause)
            else:
                self._plan(story, event.referral_id, f"complete {need}", desk, complete, night_too=night_too)

        async def pause() -> None:
            async with self._services.clock_of(event.referral_id) as clock:
                await clock.pause(ClockPauseReason.WAITING_FOR_RESIDENT)
            self._agenda.put(self._now() + timedelta(hours=draw.waiting(_FETCHES_A_PAPER_H)), resume)

        async def resume() -> None:
            async with self._services.clock_of(event.referral_id) as clock:
                await clock.resume()
            self._plan(story, event.referral_id, f"complete {need}", desk, complete, night_too=night_too)

        async def complete() -> None:
            async with self._services.referral_of(event.referral_id) as (referral, store):
                command = CompleteReferral(outcome=outcome(draw), note=None)
                by = f"petugas {event.office_code}"
                await referral_work.complete(referral, command, referrals=store, by=by, at=self._now())

        first = Desk(desk.hours / 3, desk.forgets)
        self._plan(
            story, event.referral_id, f"answer {need} of {event.office_code}", first, answer, night_too=night_too
        )

    # -- what is forgotten, and remembered -----------------------------------------------------------------------------

    def _plan(
        self,
        story: Story,
        subject: UUID,
        what: str,
        desk: Desk,
        act: Act,
        *,
        night_too: bool = False,
    ) -> None:
        draw = self._draw(story, what)
        if draw.chance(desk.forgets):
            story.forgotten[subject] = (what, act)
            return
        waits = draw.waiting(desk.hours)
        at = self._now() + timedelta(hours=waits) if night_too else self._worked(waits)
        self._agenda.put(at, act)

    def _notice(self, event: Any) -> None:
        """Somebody hears that something is late."""
        notice = (event.clock_id, event.offset, event.due_at)
        self.told_twice += notice in self._notices
        self._notices.add(notice)
        story = self.stories[event.case_id]
        subject = getattr(event, "referral_id", None) or event.case_id
        if subject not in story.forgotten:
            return
        what, act = story.forgotten[subject]
        draw = self._draw(story, "notice", what, event.offset)
        if isinstance(event, ReferralClockReminded) and what.startswith("complete") and draw.chance(_ASKS_FOR_TIME):
            self._agenda.put(self._worked(1.0), lambda: self._ask_for_time(event))
        if draw.chance(_HEEDS.get(event.offset, 1.0)):
            del story.forgotten[subject]
            self._agenda.put(self._worked(draw.waiting(_AFTER_NOTICE.hours)), act)

    async def _ask_for_time(self, event: ReferralClockReminded) -> None:
        """An office cannot keep its time, says so, and the manager grants it more."""
        # Some classes give no more time, and what is late meanwhile gets none.
        with suppress(ExtensionRefusedError):
            async with self._services.clock_of(event.referral_id) as clock:
                if clock.clock.state is ClockState.RUNNING:
                    await self._ask(clock, event.office_code)

    async def _ask(self, clock: ClockCommands, office: str) -> None:
        request = await clock.ask(_MORE, ClockExtensionReason.OTHER_OFFICE, by=f"petugas {office}")
        await clock.approve(request.extension_id, by=MANAGER)

    # -- helps --------------------------------------------------------------------------------------------------------

    def _now(self) -> datetime:
        return self._services.clock.now()

    def _worked(self, hours: float) -> datetime:
        """So many office hours from now, to the second."""
        return self._calendar.add_worked(self._now(), timedelta(seconds=round(hours * 3600)))

    def _draw(self, story: Story, *what: object) -> Draw:
        return Draw(self._seed, "case", story.number, *what)
