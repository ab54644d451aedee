"""Bring the policy that comes with a service's package into its database, when that is migrated.

A layer that people have changed stays theirs: the new version is kept, for them to look at and to activate. Where the
version in force came with a package too, the new one follows it by itself.
"""

from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING

from slrt_kit.logs import get_logger
from slrt_kit.policy.changes import LEAD, Draft, PolicyChanges, keep_activation
from slrt_kit.policy.findings import PolicyError
from slrt_kit.policy.layers import Documents, digest_of
from slrt_kit.policy.rules import PolicyRules, read_folder
from slrt_kit.policy.store import PACKAGE, Activation, PolicyStore, in_force

if TYPE_CHECKING:
    from slrt_kit.db import Database, UnitOfWork

log = get_logger(__name__)

SINCE_EVER = datetime(2000, 1, 1, tzinfo=UTC)
"""From when the first version of all is in force: before anything that anybody will ask about."""
FROM_PACKAGE = "package"
"""Stands where a person stands who proposed and approved."""


def has_policy(package: str) -> bool:
    """Whether a service's package has a policy in layers."""
    folder = resources.files(package).joinpath("policy")
    return folder.is_dir() and any(part.is_dir() and part.name[:2].isdigit() for part in folder.iterdir())


def packaged_documents(package: str, rules: PolicyRules) -> dict[str, dict[str, str]]:
    """The documents of a package's policy, by layer, with those that it shares with other services.

    Raises:
        PolicyError: a file cannot be read.
    """
    if not has_policy(package):
        return {}
    shared = read_folder(resources.files("slrt_kit.policy.shared"))
    own = read_folder(resources.files(package).joinpath("policy"))
    for layer, documents in shared.items():
        kept = {kind: text for kind, text in documents.items() if kind in rules.kinds}
        own[layer] = kept | own.get(layer, {})
    return own


async def bring_in(database: "Database", rules: PolicyRules, documents: dict[str, dict[str, str]]) -> list[str]:
    """Keep what is new in a package's documents, and activate it where nobody has changed it; gives the layers.

    All that follows by itself begins at one instant. Where that would leave something wrong in some region, nothing
    begins, and somebody is told.

    Raises:
        PolicyError: the first policy of all is wrong.
    """
    async with database.unit_of_work() as work:
        store = PolicyStore(work.connection)
        await store.take_turn()
        activations = await store.activations()
        now = work.clock.now()
        begins = now + LEAD if activations else SINCE_EVER
        new: list[tuple[str, int]] = []
        follow: list[Activation] = []
        for layer, each in sorted(documents.items()):
            number = await _kept(work, store, layer, each)
            if number is None:
                continue
            new.append((layer, number))
            if await _is_from_package(store, activations, layer):
                why = "came with the program"
                follow.append(Activation(begins, layer, number, why=why, by=FROM_PACKAGE, at=now))
        if follow and not await _is_sound(work, rules, follow, documents, first=not activations):
            follow = []
        for activation in follow:
            await keep_activation(work, rules.service, activation)
        await work.commit()
    for layer, number in new:
        begun = any(each.layer == layer for each in follow)
        log.info("policy came with the package", layer=layer, number=number, activated=begun)
    return [layer for layer, _ in new]


async def _kept(work: "UnitOfWork", store: PolicyStore, layer: str, documents: Documents) -> int | None:
    """The number of the new version; None where the package has nothing new."""
    known = await store.newest_of_package(layer)
    if known is not None and known.digest == digest_of(documents):
        return None
    return await store.add(
        layer,
        documents,
        ids=(work.new_id(), work.new_id()),
        why="came with the program",
        by=FROM_PACKAGE,
        at=work.clock.now(),
        origin=PACKAGE,
    )


async def _is_from_package(store: PolicyStore, activations: list[Activation], layer: str) -> bool:
    """Whether nobody has put anything of their own into force there, nor planned to."""
    own = [each for each in activations if each.layer == layer]
    numbers = {in_force(own, each.effective_from)[layer] for each in own[-1:]}
    versions = [await store.version(layer, number) for number in numbers]
    return all(version is not None and version.origin == PACKAGE for version in versions)


async def _is_sound(
    work: "UnitOfWork",
    rules: PolicyRules,
    follow: list[Activation],
    documents: dict[str, dict[str, str]],
    *,
    first: bool,
) -> bool:
    drafts = [Draft(each.layer, documents[each.layer], each.effective_from) for each in follow]
    findings = await PolicyChanges(work, rules).findings(drafts)
    if findings and first:
        raise PolicyError(findings)
    for finding in findings:
        log.warning("policy of the package was not activated", finding=finding.line())
    return not findings
