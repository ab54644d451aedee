"""What a routing rule may ask: the attributes of the need, whether it is urgent, and where the case is."""

from collections.abc import Mapping

from slrt_contracts.catalogue import ATTRIBUTE_LABELS, ATTRIBUTES, VALUE_LABELS
from slrt_contracts.codes import AttributeName, AttributeValue
from slrt_kit.policy.expressions import Context, Fact, FactType, Value, flag
from slrt_kit.problems import Text
from slrt_kit.regions import Level, Regions, level_of

UNKNOWN = AttributeValue.UNKNOWN.value
REGION_LENGTHS: Mapping[str, int] = {"district": 8, "regency": 5, "province": 2}
"""The facts that are regions, with the length of their codes: the first characters of the district's."""

_NAMES: Mapping[str, str] = {str(name): f"need.{name}" for name in AttributeName}
_NOTHING_STATED: Mapping[str, Value | None] = dict.fromkeys(_NAMES.values(), UNKNOWN)
_PLACES = (
    ("district", Level.DISTRICT, Text("kecamatan", "district")),
    ("regency", Level.REGENCY, Text("kabupaten/kota", "regency")),
    ("province", Level.PROVINCE, Text("provinsi", "province")),
)


def routing_context(regions: Regions) -> Context:
    """The facts of a routing rule; region codes are those of the table."""
    return Context.of(
        [
            *(attribute_fact(name) for name in AttributeName),
            flag("urgent", Text("mendesak", "urgent")),
            *(_place(name, level, label, regions) for name, level, label in _PLACES),
        ]
    )


def routing_facts(attributes: Mapping[str, str], *, urgent: bool, district: str) -> dict[str, Value | None]:
    """The facts of one need of a case in that district (``12.74.05``). What was not stated is ``unknown``; names that
    this build does not know are left out."""
    facts = dict(_NOTHING_STATED)
    for name, value in attributes.items():
        known = _NAMES.get(name)
        if known is not None:
            facts[known] = value
    facts["urgent"] = urgent
    facts["district"], facts["regency"], facts["province"] = district, district[:5], district[:2]
    return facts


def attribute_fact(name: AttributeName) -> Fact:
    """What is known of an attribute of a need, such as ``need.asset_class``."""
    label = ATTRIBUTE_LABELS[name]
    return Fact(
        name=_NAMES[name],
        type=FactType.CODE,
        label=Text(label.id, label.en),
        # In the order of the code list, what nobody knows last.
        values=(*(v.value for v in AttributeValue if v in ATTRIBUTES[name] and v.value != UNKNOWN), UNKNOWN),
        labels={v.value: Text(VALUE_LABELS[v].id, VALUE_LABELS[v].en) for v in ATTRIBUTES[name]},
        unstated=UNKNOWN,
    )


def _place(name: str, level: Level, label: Text, regions: Regions) -> Fact:
    def knows(code: str) -> bool:
        region = regions.get(code)
        return region is not None and level_of(region.code) is level

    return Fact(name=name, type=FactType.CODE, label=label, knows=knows, fixed=True)
