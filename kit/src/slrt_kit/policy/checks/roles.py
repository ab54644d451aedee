"""How roles stand to each other: a line that goes up to the centre, an ear for each audience, whoever a step needs.

The key of an entry is a role of access.yaml; those that may be on duty are of `DutyRole`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from slrt_contracts.codes import ClockAudience, DutyRole
from slrt_kit.access import permission_table
from slrt_kit.policy.checks.codes import unknown_code
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.findings import Finding, Place
from slrt_kit.problems import Text

ON_DUTY: Final = frozenset(role.value for role in DutyRole)
_IN_AN_AREA: Final = ON_DUTY - {DutyRole.OPD_OFFICER.value}
"""An officer of an office is always at one: nothing of an area goes up to them."""
_SERVICE: Final = "service"
_LEVELS: Final = ("village", "regency", "province", "nation")
_NATION: Final = "nation"
# A name behind a title, an address, a number that may be a telephone's or a NIK.
_PERSONAL: Final = re.compile(
    r"\d{5,}|@|,\s*(?:S|M)\.\s?[A-Z]"
    r"|\b(?i:bapak|pak|ibu(?! kota)|bu|sdr|sdri|mr|mrs|ms|drs|dra|dr|ir|hj|h)\b\.?\s+[A-Z]"
)


def check(policy: RegionPolicy) -> Iterator[Finding]:
    """What is wrong with the roles that a region knows; nothing where it states none, and those of the package hold."""
    roles = policy.entries("roles")
    if not roles:
        return
    known = {role for grants in permission_table().values() for role in grants} - {_SERVICE}
    for role in roles.values():
        if role.key not in known:
            yield unknown_code(role.place(), role.key, among=known)
        yield from _label(role)
        yield from _above(role, roles)
    yield from _circles(roles)
    yield from _unheard(roles)
    yield from _missing(policy, roles)


def line_of(roles: Mapping[str, Entry], role: str) -> tuple[str, ...]:
    """The role and all it goes up to; a circle ends with the role at which it closes."""
    found = [role]
    while found[-1] in roles and found.count(found[-1]) == 1:
        above = roles[found[-1]].fields.get("reports_to")
        if above is None:
            break
        found.append(above)
    return tuple(found)


def _label(role: Entry) -> Iterator[Finding]:
    for language, text in role.fields["label"].items():
        if _PERSONAL.search(text) or not text.isprintable():
            yield Finding(
                role.place("label", language),
                "personal-field",
                Text(f"sebutan {role.key} memuat data orang", f"the label of {role.key} tells of a person"),
                Text(
                    "tulis nama perannya saja; siapa yang bertugas ada di daftar tugas",
                    "write what the role is called; who has it stands on the duty roster",
                ),
            )


def _above(role: Entry, roles: Mapping[str, Entry]) -> Iterator[Finding]:
    above, level = role.fields.get("reports_to"), role.fields["level"]
    if above is None:
        if level != _NATION:
            yield Finding(
                role.place(),
                "reports-to-nobody",
                Text(f"{role.key} tidak melapor kepada siapa pun", f"{role.key} reports to nobody"),
                Text(
                    "tambahkan `reports_to:`; hanya peran tingkat pusat yang tanpa atasan",
                    "add `reports_to:`; only a role of the nation is without one",
                ),
            )
    elif above not in roles or above not in _IN_AN_AREA:
        yield unknown_code(role.place("reports_to"), above, among=_IN_AN_AREA & roles.keys())
    elif _LEVELS.index(roles[above].fields["level"]) < _LEVELS.index(level):
        theirs = roles[above].fields["level"]
        yield Finding(
            role.place("reports_to"),
            "reports-downward",
            Text(
                f"{role.key} ({level}) melapor kepada {above}, peran tingkat {theirs}",
                f"{role.key} ({level}) reports to {above}, a role of the {theirs}",
            ),
            Text(
                f"sebut atasan yang setingkat atau lebih tinggi; bila di sini {above} ada di tingkat itu, beri ia "
                f"`level: {level}`",
                f"name one of that level or a higher one; if here {above} is had there, give it `level: {level}`",
            ),
        )


def _circles(roles: Mapping[str, Entry]) -> Iterator[Finding]:
    told: set[frozenset[str]] = set()
    for key in roles:
        line = line_of(roles, key)
        closes = line.index(line[-1])
        circle = line[closes:]
        if closes == len(line) - 1 or frozenset(circle) in told:
            continue
        told.add(frozenset(circle))
        shown = " → ".join(circle)
        places = [roles[each].place("reports_to") for each in circle]
        yield Finding(
            _nearest(places),
            "reporting-cycle",
            Text(f"jalur pelaporan berputar: {shown}", f"the reporting line goes in a circle: {shown}"),
            Text("beri salah satunya atasan di luar lingkaran", "have one of them report to somebody outside of it"),
        )


def _unheard(roles: Mapping[str, Entry]) -> Iterator[Finding]:
    heard = {whom for role in roles.values() if role.key in _IN_AN_AREA for whom in role.fields.get("hears", ())}
    places = [role.place("hears") for role in roles.values() if "hears" in role.fields]
    for whom in ClockAudience:
        if whom is ClockAudience.OWNER or whom in heard:
            continue
        yield Finding(
            _nearest(places or [role.place() for role in roles.values()]),
            "audience-nobody-hears",
            Text(f"eskalasi kepada {whom} tidak didengar peran mana pun", f"no role hears what goes up to {whom}"),
            Text(f"beri satu peran `hears: [{whom}]`", f"give a role `hears: [{whom}]`"),
        )


def _missing(policy: RegionPolicy, roles: Mapping[str, Entry]) -> Iterator[Finding]:
    """Roles that a step of the workflow needs and the region has not, and standing in that never ends."""
    owners: dict[str, None] = {}
    for state in policy.entries("workflow").values():
        owner = state.fields.get("owner")
        if owner in ON_DUTY and owner not in roles:
            yield _gone(state.place("owner"), str(owner), policy.region)
        elif owner in ON_DUTY:
            owners[str(owner)] = None
        for name, action in state.fields.get("actions", {}).items():
            by = action.get("by", ())
            if by and ON_DUTY.issuperset(by) and roles.keys().isdisjoint(by):
                yield _gone(state.place("actions", name, "by"), ", ".join(by), policy.region)
    yield from _endless(roles, owners)


def _gone(place: Place, role: str, region: str) -> Finding:
    return Finding(
        place,
        "role-not-here",
        Text(f"langkah ini butuh {role}, yang tidak ada di {region}", f"this step needs {role}, gone in {region}"),
        Text(
            "batalkan `removed` peran itu di roles.yaml, atau serahkan langkah ini kepada peran lain",
            "take back the `removed` of the role in roles.yaml, or give the step to another role",
        ),
    )


def _endless(roles: Mapping[str, Entry], owners: Iterable[str]) -> Iterator[Finding]:
    """Where standing in goes up beyond the regency: those above would have to do the work of its desks."""
    found: dict[Place, list[str]] = {}
    for owner in owners:
        line = [each for each in line_of(roles, owner) if each in roles]
        here = [each for each in line if _LEVELS.index(roles[each].fields["level"]) <= _LEVELS.index("regency")]
        if here and len(here) < len(line) and not any(roles[each].fields.get("last_stand_in") for each in here):
            places = [roles[each].place(field) for each in here for field in ("reports_to", "last_stand_in")]
            found.setdefault(_nearest(places), []).append(owner)
    for place, desks in found.items():
        listed = ", ".join(desks)
        yield Finding(
            place,
            "stand-in-without-end",
            Text(
                f"bila {listed} kosong, pekerjaannya naik sampai melewati kabupaten/kota",
                f"where nobody is {listed}, the work of the desk goes up beyond the regency",
            ),
            Text(
                "beri satu peran kabupaten/kota di jalur itu `last_stand_in: true`",
                "give a role of the regency on that line `last_stand_in: true`",
            ),
        )


def _nearest(places: list[Place]) -> Place:
    """The place in the layer nearest to the region: there somebody last said otherwise."""
    return max(places, key=lambda place: (len(place.file.partition("/")[0]), place.file != "00/roles.yaml", place))
