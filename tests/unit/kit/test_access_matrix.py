"""The permission table once more, by role and written by hand: widening it is a decision, and this file says whose.

Source: roles x permissions of the proposed model, domain section 13.3. A permission stands here without its service's
name where that is clear from the heading.
"""

from slrt_kit.access import permission_table

MATRIX = """
facilitator: intake visit.read=region visit.record=region field.sync=region attachment.add=region
    attachment.read=region attachment.remove=region draft.write=region draft.read=region case.register=region
    case.read=region party.read=region emergency.open=region party.unmask=region consent.read=region
    consent.write=region duty.read=region | referral policy.read=any | registry person.read=region family.read=region |
    policy version.read=any
front_office: intake letter.draft=region letter.read=region letter.issue=region
    batch.write=region batch.read=own
    visit.plan=region visit.read=region attachment.add=region attachment.read=region
    attachment.remove=region draft.write=region draft.read=region case.register=region case.read=region
    case.screen=region party.read=region emergency.open=region party.unmask=region consent.read=region
    consent.write=region sharing.read=region duty.read=region clock.change=region | referral policy.read=any | registry
    person.read=region person.unmask=region family.read=region | policy version.read=any
back_office: intake letter.draft=region letter.read=region letter.initial=region letter.issue=region
    visit.plan=region visit.read=region fact.settle=region export.request=region
    attachment.add=region attachment.read=region attachment.remove=region case.read=region case.screen=region
    case.recommend=region party.read=region emergency.open=region party.unmask=region consent.read=region
    consent.write=region sharing.read=region duty.read=region clock.change=region | referral referral.read=region
    policy.read=any | registry person.read=region person.unmask=region family.read=region | notification
    delivery.read=region | policy version.read=any
surveyor: intake visit.read=assigned visit.record=assigned field.sync=assigned case.read=assigned
    attachment.add=assigned attachment.read=assigned attachment.remove=assigned
coordinator: intake letter.read=region letter.initial=region letter.sign=region letter.revoke=region
    visit.plan=region visit.read=region attachment.read=region case.read=region case.decide=region
    party.read=region emergency.open=region report.read=region consent.read=region sharing.read=region duty.read=region
    stall.read=region clock.change=region | referral referral.read=region policy.read=any report.read=region
    stall.read=region | registry person.read=region family.read=region | policy version.read=any
supervisor: audit review.read=region review.close=region entry.read=region | intake visit.plan=region
    batch.write=region batch.read=own
    visit.read=region field.oversee=region attachment.add=region attachment.read=region attachment.remove=region
    export.request=region draft.write=region draft.read=region case.register=region case.read=region
    emergency.review=region report.read=region look.read=region sharing.read=region duty.read=region stall.read=region
    clock.approve=region | referral referral.read=region policy.read=any report.read=region stall.read=region
    clock.approve=region | registry person.read=region family.read=region | notification delivery.read=region | policy
    version.read=any
manager: audit review.read=region review.close=region entry.read=region | intake letter.read=region
    letter.initial=region letter.sign=region letter.revoke=region
    visit.plan=region visit.read=region
    batch.write=region batch.read=own
    field.oversee=region attachment.read=region attachment.remove=region export.request=region export.approve=region
    case.read=region case.decide=region case.assign=region case.transfer=region restricted.list=region party.read=region
    emergency.open=region emergency.review=region report.read=region look.read=region party.unmask=region
    consent.read=region consent.write=region sharing.read=region duty.read=region duty.write=region stall.read=region
    clock.change=region clock.approve=region | referral referral.read=region referral.act=office policy.read=any
    report.read=region stall.read=region clock.change=office clock.approve=region | registry person.transfer=region
    person.read=region person.unmask=region family.read=region | notification delivery.read=region | policy
    version.read=any version.propose=region version.compare=region
opd_officer: intake party.read=office party.unmask=office sharing.confirm=office | referral referral.read=office
    referral.act=office policy.read=any claim.read=office report.read=office stall.read=office clock.change=office |
    policy version.read=any
partner: intake party.read=office party.unmask=office sharing.confirm=office | referral claim.read=office
head_of_division: intake letter.read=region letter.initial=region letter.sign=region
    export.approve=region case.read=region restricted.list=region report.read=region
    look.read=region duty.read=region stall.read=region | referral referral.read=region policy.read=any
    report.read=region stall.read=region | policy version.read=any
head_of_office: intake letter.read=region letter.sign=region letter.revoke=region
    export.approve=region case.read=region case.seal=region restricted.list=region
    emergency.open=region report.read=region look.read=region duty.read=region stall.read=region clock.approve=region |
    referral referral.read=region_and_office policy.read=any report.read=region stall.read=region
    clock.approve=region_and_office | registry disposal.decide=region | policy version.read=any version.approve=region
    version.activate=region version.compare=region
province_desk: intake report.read=region duty.read=region | referral policy.read=any report.read=region | policy
    version.read=any version.propose=region version.compare=region
centre_desk: intake report.read=any duty.read=any | referral policy.read=any report.read=any | policy version.read=any
    version.propose=any version.approve=any version.activate=any version.compare=any
leadership: intake report.read=region | referral report.read=region
auditor: audit review.read=any review.close=any entry.read=any | intake report.read=any duty.read=any | referral
    policy.read=any report.read=any | registry person.erase=any disposal.propose=any disposal.decide=any | policy
    version.read=any
admin: audit entry.read=any | referral policy.read=any | policy version.read=any version.propose=any
    version.compare=any | intake duty.read=any duty.write=any
service: intake party.read=any contact.read=any code.read=any party.unmask=any | referral referral.read=any
    policy.read=any | notification delivery.read=any | policy version.read=any
"""


def written_here() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for paragraph in MATRIX.strip().replace("\n    ", " ").splitlines():
        role, _, services = paragraph.partition(":")
        for service in services.split("|"):
            name, *grants = service.split()
            for permission, _, scope in (grant.partition("=") for grant in grants):
                found.setdefault(f"{name}.{permission}", {})[role] = scope
    return found


def test_the_table_grants_what_is_written_here_and_nothing_else() -> None:
    in_force = {name: {role: str(kind) for role, kind in grants.items()} for name, grants in permission_table().items()}
    here = written_here()
    assert in_force == here
