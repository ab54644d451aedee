"""The kinds of policy: which service has which, the schema of its entries, and what must hold of them together.

A new kind is a schema ``schemas/<name>.json``, a check, and a line here.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from slrt_kit.clocks.checks import check_calendar, check_escalation, check_sla
from slrt_kit.policy import routing
from slrt_kit.policy.checks import checklists, documents, forms, offices, programmes, roles, taxonomy, workflow
from slrt_kit.policy.entries import RegionPolicy
from slrt_kit.policy.findings import Finding
from slrt_kit.policy.letters.checks import check_letterheads, check_letters
from slrt_kit.policy.messages.checks import check_channels, check_layouts, check_notifications
from slrt_kit.policy.schema import EntrySchema, schema_of

Check = Callable[[RegionPolicy], Iterator[Finding]]
"""What is wrong with a kind's entries as they hold in one region. Pure; it may look at other kinds' entries."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. ``services`` are those that keep it; ``may_be_empty``: a region can do without an entry of it.

    ``beside`` are the other kinds that its check looks at: it is left out where one of them cannot be read.
    """

    name: str
    services: frozenset[str]
    check: Check
    may_be_empty: bool = False
    beside: frozenset[str] = frozenset()

    @property
    def schema(self) -> EntrySchema:
        """The schema of its entries."""
        return schema_of(self.name)


_INTAKE, _REFERRAL, _NOTIFICATION = frozenset({"intake"}), frozenset({"referral"}), frozenset({"notification"})

KINDS: tuple[Kind, ...] = (
    Kind("taxonomy", _INTAKE, taxonomy.check),
    Kind("programmes", _INTAKE, programmes.check),
    Kind("forms", _INTAKE, forms.check, may_be_empty=True),
    Kind("documents", _INTAKE, documents.check, may_be_empty=True),
    Kind("checklists", _INTAKE, checklists.check, may_be_empty=True),
    Kind("workflow", _INTAKE | _REFERRAL, workflow.check, beside=frozenset({"sla", "escalation"})),
    Kind("roles", _INTAKE | _REFERRAL, roles.check, beside=frozenset({"workflow"})),
    Kind("offices", _REFERRAL, offices.check, may_be_empty=True),
    Kind("routing", _REFERRAL, routing.check, beside=frozenset({"offices"})),
    Kind("sla", _INTAKE | _REFERRAL, check_sla, beside=frozenset({"calendar", "escalation"})),
    Kind("calendar", _INTAKE | _REFERRAL, check_calendar),
    Kind("escalation", _INTAKE | _REFERRAL, check_escalation),
    Kind("letterheads", _INTAKE, check_letterheads, may_be_empty=True),
    Kind("letters", _INTAKE, check_letters, may_be_empty=True, beside=frozenset({"letterheads", "roles", "documents"})),
    Kind("notifications", _NOTIFICATION, check_notifications, beside=frozenset({"layouts", "channels"})),
    Kind("layouts", _NOTIFICATION, check_layouts),
    Kind("channels", _NOTIFICATION, check_channels),
)


@cache
def kinds_of(service: str) -> Mapping[str, Kind]:
    """The kinds that a service keeps, by name."""
    return MappingProxyType({kind.name: kind for kind in KINDS if service in kind.services})
