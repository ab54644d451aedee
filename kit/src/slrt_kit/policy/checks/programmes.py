"""The catalogue of programmes: what each is called, who owns it, and for which needs it is (domain 7.1)."""

from collections.abc import Iterator

from slrt_contracts.codes import FunctionCode, NeedCode, ProgrammeCode
from slrt_kit.policy.checks.codes import ends_before_it_begins, unknown_code, unknown_codes
from slrt_kit.policy.entries import RegionPolicy
from slrt_kit.policy.findings import Finding

_PROGRAMMES = frozenset(member.value for member in ProgrammeCode)


def check(policy: RegionPolicy) -> Iterator[Finding]:
    """What is wrong with the programmes that a region knows."""
    for programme in policy.entries("programmes").values():
        if programme.key not in _PROGRAMMES:
            yield unknown_code(programme.place(), programme.key, among=_PROGRAMMES)
        yield from unknown_codes(programme, "function", FunctionCode)
        yield from unknown_codes(programme, "needs", NeedCode)
        yield from ends_before_it_begins(programme)
