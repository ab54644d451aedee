"""Find what is wrong with calendars, SLA classes and escalation chains, beyond what their schemas say."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from slrt_contracts.codes import ClockAudience
from slrt_kit.clocks.calendar import hours_of
from slrt_kit.clocks.chain import RANKS, EffectKind, Step
from slrt_kit.clocks.lengths import Length
from slrt_kit.clocks.national import known_years
from slrt_kit.clocks.policy import DAYS, OFFICE, calendars, parts_of
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.findings import Finding, Place
from slrt_kit.problems import Text


def check_calendar(policy: RegionPolicy) -> Iterator[Finding]:
    """A day twice, a date that is none, hours that overlap, days added to no calendar."""
    known = {entry.key for entry in calendars(policy)}
    for entry in policy.entries("calendar").values():
        added = entry.fields.get("adds_to")
        if added is not None and added not in known:
            yield _unknown(entry.place("adds_to"), "calendar", added, known)
    for calendar in calendars(policy):
        for day in DAYS:
            yield from _hours(calendar, ("hours", day), calendar.fields.get("hours", {}).get(day, ()))
        yield from _days(policy, calendar)


def check_sla(policy: RegionPolicy) -> Iterator[Finding]:
    """A chain or calendar that is not there; an extension in another unit, or longer than the time itself."""
    chains, known = policy.entries("escalation"), {entry.key for entry in calendars(policy)}
    for entry in policy.entries("sla").values():
        fields = entry.fields
        if fields["escalation"] not in chains:
            yield _unknown(entry.place("escalation"), "escalation", fields["escalation"], set(chains))
        calendar = fields.get("calendar", OFFICE)
        if calendar not in known:
            yield _unknown(entry.place("calendar"), "calendar", calendar, known)
        length, extension = Length.of(fields["length"]), fields.get("extension")
        if extension is not None:
            most = Length.of(extension["most"])
            if most.unit is not length.unit or most.count > length.count:
                yield Finding(
                    entry.place("extension", "most"),
                    "extension-too-long",
                    Text(
                        f"perpanjangan {entry.key} lebih lama daripada waktunya sendiri, atau satuannya lain",
                        f"the extension of {entry.key} is longer than its time itself, or in another unit",
                    ),
                    Text(
                        f"pakai {length.unit} sampai {length.count}",
                        f"use {length.unit} up to {length.count}",
                    ),
                )


def check_escalation(policy: RegionPolicy) -> Iterator[Finding]:
    """Steps out of order, holes, and chains that come back to whom they have passed."""
    for entry in policy.entries("escalation").values():
        steps = [Step.of(field) for field in entry.fields["steps"]]
        yield from _order(entry, steps)
        yield from list(_holes(entry, steps)) or _passed_over(entry, steps)
        yield from _cycles(entry, steps)


CHECKS: Final[Mapping[str, Callable[[RegionPolicy], Iterator[Finding]]]] = MappingProxyType(
    {"calendar": check_calendar, "sla": check_sla, "escalation": check_escalation}
)
"""The check of each kind that clocks read."""


def _hours(entry: Entry, path: tuple[str | int, ...], stretches: Any) -> Iterator[Finding]:
    try:
        hours_of(stretches)
    except ValueError:
        yield Finding(
            entry.place(*path),
            "hours-overlap",
            Text(
                f"jam kerja {entry.key} bertumpang tindih atau berakhir sebelum mulai",
                f"office hours of {entry.key} overlap, or end before they begin",
            ),
            Text(
                "tulis berurutan: setiap bagian mulai setelah bagian sebelumnya berakhir",
                "write them in order: each begins after the one before has ended",
            ),
        )


def _days(policy: RegionPolicy, calendar: Entry) -> Iterator[Finding]:
    seen: dict[date, Place] = {}
    years = known_years()
    for part in parts_of(policy, calendar):
        for kind in ("days_off", "days_on"):
            for number, field in enumerate(part.fields.get(kind, ())):
                place = part.place(kind, number)
                if "hours" in field:
                    yield from _hours(part, (kind, number, "hours"), field["hours"])
                try:
                    day = date.fromisoformat(field["date"])
                except ValueError:
                    yield Finding(
                        place,
                        "no-such-date",
                        Text(f"tanggal {field['date']} tidak ada", f"there is no {field['date']}"),
                        Text(
                            "periksa bulan dan tahun kabisat; tulis TTTT-BB-HH",
                            "check the month and leap years; write YYYY-MM-DD",
                        ),
                    )
                    continue
                if day.year not in years:
                    yield Finding(
                        place,
                        "unknown-year",
                        Text(
                            f"kalender tidak mencapai {day.year}; ia mencakup {years[0]} sampai {years[-1]}",
                            f"the calendar does not reach {day.year}; it is of {years[0]} to {years[-1]}",
                        ),
                        Text("hapus atau betulkan tahunnya", "remove it, or correct the year"),
                    )
                elif day in seen:
                    yield Finding(
                        place,
                        "day-twice",
                        Text(
                            f"{day} sudah ada di {seen[day]}: satu hari hanya satu kali, libur atau masuk",
                            f"{day} stands at {seen[day]} already: a day is named once, off or on",
                        ),
                        Text("hapus salah satu", "remove one of them"),
                    )
                seen.setdefault(day, place)


def _order(entry: Entry, steps: list[Step]) -> Iterator[Finding]:
    for number in range(1, len(steps)):
        if steps[number].weight <= steps[number - 1].weight:
            yield Finding(
                entry.place("steps", number),
                "escalation-order",
                Text(
                    f"langkah {steps[number].at} ditulis setelah {steps[number - 1].at}, tetapi tidak lebih lambat",
                    f"step {steps[number].at} stands after {steps[number - 1].at} and is not later",
                ),
                Text(
                    "urutkan menurut waktu, satu langkah untuk satu saat",
                    "order the steps by time, one for an instant",
                ),
            )


def _holes(entry: Entry, steps: list[Step]) -> Iterator[Finding]:
    acts = any(not step.effect.is_notice for step in steps)
    last = steps[-1]
    for number, step in enumerate(steps):
        if step.effect.is_notice and not step.whom:
            what = Text(f"langkah {step.at} tidak sampai ke siapa pun", f"nobody hears of step {step.at}")
            yield _hole(entry, ("steps", number, "whom"), what)
    if not any(step.left is None and step.after is None for step in steps):
        yield _hole(entry, ("steps",), Text("tidak ada langkah saat jatuh tempo", 'no step is when it is due ("0")'))
    elif not acts and ClockAudience.NEXT_LEVEL not in last.whom:
        what = Text("rantai berhenti sebelum tingkat berikutnya", f"nobody else after {last.at} hears of it")
        yield _hole(entry, ("steps", len(steps) - 1), what)


def _passed_over(entry: Entry, steps: list[Step]) -> Iterator[Finding]:
    """Levels of the reporting line that nobody of hears, though one above them does."""
    heard: set[int] = set()
    for number, step in enumerate(steps):
        if step.effect is not EffectKind.ESCALATE or not step.whom:
            continue
        heard |= {RANKS[whom] for whom in step.whom}
        missed = [str(whom) for whom, rank in RANKS.items() if 0 < rank < max(heard) and rank not in heard]
        if missed:
            listed = ", ".join(missed)
            yield Finding(
                entry.place("steps", number),
                "escalation-hole",
                Text(
                    f"{entry.key}: langkah {step.at} melewati {listed}",
                    f"{entry.key}: step {step.at} passes over {listed}",
                ),
                Text(
                    "sebut mereka pada langkah ini atau langkah sebelumnya",
                    "name them in this step, or in one before it",
                ),
            )
            return


def _hole(entry: Entry, path: tuple[str | int, ...], what: Text) -> Finding:
    return Finding(
        entry.place(*path),
        "escalation-hole",
        Text(f"{entry.key}: {what.id}", f"{entry.key}: {what.en}"),
        Text(
            "beri penerima pada setiap pemberitahuan, satu langkah saat jatuh tempo, dan akhiri dengan next_level, "
            "auto_close, atau reroute",
            "give each notice somebody to go to, a step when it is due, and an end at next_level, auto_close or "
            "reroute",
        ),
    )


def _cycles(entry: Entry, steps: list[Step]) -> Iterator[Finding]:
    reached = -1
    for number, step in enumerate(steps):
        if step.effect is not EffectKind.ESCALATE or not step.whom:
            continue
        highest = max(RANKS[whom] for whom in step.whom)
        if highest <= reached:
            yield Finding(
                entry.place("steps", number),
                "escalation-cycle",
                Text(
                    f"{entry.key}: langkah {step.at} kembali ke tingkat yang sudah dilewati",
                    f"{entry.key}: step {step.at} comes back to whom it has passed",
                ),
                Text(
                    "setiap eskalasi naik: supervisor, manager, kepala, tingkat berikutnya",
                    "each escalation goes up: supervisor, manager, heads, next level",
                ),
            )
        reached = max(reached, highest)


def _unknown(place: Place, kind: str, key: str, known: set[str]) -> Finding:
    names = ", ".join(sorted(known)) or "-"
    return Finding(
        place,
        f"unknown-{kind}",
        Text(f"{kind} {key} tidak ada", f"there is no {kind} {key}"),
        Text(f"pakai salah satu: {names}", f"use one of: {names}"),
    )
