"""The table of offices: who does a function where, from when to when (domain 7.2).

The key of an entry is the office's code: its region and its own short name, such as ``12.74.DUKCAPIL``.
"""

import re
from collections.abc import Iterator, Sequence

from slrt_contracts.codes import FunctionCode
from slrt_contracts.types import OFFICE_PATTERN
from slrt_kit.policy.checks.codes import ends_before_it_begins, period_of, unknown_codes
from slrt_kit.policy.entries import Entry, RegionPolicy
from slrt_kit.policy.findings import Finding
from slrt_kit.problems import Text
from slrt_kit.regions import NATION, packaged_regions
from slrt_kit.regions.former import successor_of

_CODE = re.compile(OFFICE_PATTERN)


def check(policy: RegionPolicy) -> Iterator[Finding]:
    """What is wrong with the offices that a region knows."""
    offices = list(policy.entries("offices").values())
    for office in offices:
        yield from _code(office)
        yield from _region(office)
        yield from unknown_codes(office, "functions", FunctionCode)
        yield from ends_before_it_begins(office)
    yield from _two_for_one_function([office for office in offices if _CODE.fullmatch(office.key)])


def region_of(office: Entry) -> str:
    """The region that an office serves: its code without the office's own part."""
    return office.key.rpartition(".")[0]


def _code(office: Entry) -> Iterator[Finding]:
    if not _CODE.fullmatch(office.key):
        yield Finding(
            office.place(),
            "wrong-value",
            Text(f"{office.key} bukan kode dinas", f"{office.key} is no code of an office"),
            Text("tulis wilayah lalu nama singkat: 12.74.DUKCAPIL", "write region and short name: 12.74.DUKCAPIL"),
        )
        return
    layer, region = office.place().file.partition("/")[0], region_of(office)
    states_all = len({place.file for place in office.places.values()}) == 1
    if states_all and not _in_line(layer, region):
        yield Finding(
            office.place(),
            "outside-layer",
            Text(
                f"{office.key} tidak melayani wilayah di dalam {layer}", f"{office.key} serves no region inside {layer}"
            ),
            Text(f"pindahkan ke lapisan {region}", f"move it to the layer {region}"),
        )


def _region(office: Entry) -> Iterator[Finding]:
    """An office of a region that there is; one that has ended may be of a region that was split since."""
    region = region_of(office)
    if not _CODE.fullmatch(office.key) or region == NATION or packaged_regions().get(region) is not None:
        return
    now = successor_of(region)
    if now is None or office.fields.get("valid_to") is None:
        yield Finding(
            office.place(),
            "unknown-region",
            Text(f"{office.key}: tidak ada wilayah {region}", f"{office.key}: there is no region {region}"),
            Text("periksa kode Kemendagri", "look at the Kemendagri code")
            if now is None
            else Text(f"sejak {now.law} kodenya {now.code}", f"since {now.law} its code is {now.code}"),
        )


def _in_line(layer: str, region: str) -> bool:
    """Whether one lies in the other: a layer has offices of its own, and may say otherwise of one above."""
    return NATION in (layer, region) or f"{region}.".startswith(f"{layer}.") or f"{layer}.".startswith(f"{region}.")


def _two_for_one_function(offices: Sequence[Entry]) -> Iterator[Finding]:
    """Whoever looks for the office of a function must find one, not a choice."""
    by_duty: dict[tuple[str, str], list[Entry]] = {}
    for office in offices:
        for function in office.fields.get("functions", ()):
            by_duty.setdefault((region_of(office), function), []).append(office)
    for (region, function), several in by_duty.items():
        for earlier, later in _overlapping(several):
            # In the order of the source, whichever begins first.
            one, two = sorted((earlier, later), key=several.index)
            yield Finding(
                two.place("functions"),
                "two-offices",
                Text(
                    f"{one.key} dan {two.key} sama-sama menangani {function} di {region} pada waktu yang sama",
                    f"{one.key} and {two.key} both do {function} in {region} at the same time",
                ),
                Text(
                    "beri `valid_to` pada yang lama, atau hapus fungsi itu dari salah satunya",
                    "give the older one its `valid_to`, or take the function from one of them",
                ),
            )


def _overlapping(offices: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """Each office that begins while another one lasts, with that one: as many as there are offices, and not pairs."""
    ordered = sorted(offices, key=period_of)
    last = ordered[0]
    for office in ordered[1:]:
        if period_of(office)[0] <= period_of(last)[1]:
            yield last, office
        if period_of(office)[1] > period_of(last)[1]:
            last = office
