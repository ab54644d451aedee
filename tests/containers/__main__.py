"""Build the images, bring the compose core up, play one case, stop and start it, and tear it down.

    python -m tests.containers [--keep]

Wants docker with compose, or podman with podman-compose, and an engine that answers. Everything belongs to a compose
project of its own, on free ports, with secrets of its own; only the images (tag ``test``) stay. Ends with
``CONTAINERS ok`` and 0, else with what failed and 1. Bounds in seconds: SLRT_CONTAINERS_BUILD_S (per image), _UP_S,
_PATIENCE_S (per step).
"""

import argparse
import asyncio
import os
import signal
import sys
import time
from dataclasses import replace
from types import FrameType

from aiokafka.errors import KafkaError
from tests.containers.engine import FailedError, Stack, find_engine, started
from tests.containers.story import UP_S, Story, expect

from slrt_kit.messaging.broker import KafkaBroker
from slrt_kit.messaging.connection import BrokerAccess

SERVICES = ("intake", "referral", "registry", "notification")
BUILT = (*SERVICES, "docs", "keycloak")  # the compose services that an image is built for
BUILD_S = float(os.environ.get("SLRT_CONTAINERS_BUILD_S", "900"))
_USER, _READ_ONLY = "10001", "30"  # EROFS


def tell(line: str) -> None:
    """A line for whoever watches."""
    print(line, flush=True)


def check_walls(stack: Stack) -> None:
    """Services are nobody's root, write nowhere, and get into no other service's database."""
    probe = (
        "import os\nprint(os.getuid())\ntry:\n open('/opt/slrt/x', 'w')\nexcept OSError as error:\n print(error.errno)"
    )
    for service in SERVICES:
        found = stack.inside(service, "python", "-c", probe).split()
        expect(f"user and error of a write in {service}", found, [_USER, _READ_ONLY])
    own, other = "slrt_intake", "slrt_referral"
    login = f"postgresql://{own}:{stack.secret(f'{own}_db_password')}@127.0.0.1/"
    stack.inside("postgres", "psql", "-qAtc", "SELECT 1", login + own)
    try:
        stack.inside("postgres", "psql", "-qAtc", "SELECT 1", login + other)
    except FailedError as refused:
        expect("refusal", "permission denied for database" in str(refused), True)
        return
    raise FailedError(f"{own} may connect to the database of {other}")


def check_broker(stack: Stack) -> None:
    """The broker asks everybody who he is, and shows a service what it produces or consumes, and no more."""
    address = f"127.0.0.1:{stack.ports['kafka']}"
    password = stack.secret("slrt_intake_kafka_password")
    intake = BrokerAccess(address=address, protocol="SASL_PLAINTEXT", user="slrt-intake", password=password)

    def seen_by(access: BrokerAccess | str) -> set[str]:
        found = asyncio.run(KafkaBroker(access).partitions_of(["slrt.intake.case.v1", "slrt.referral.dlq.v1"]))
        return {partition.topic for partition in found}

    expect("what intake sees of its own and of referral's", seen_by(intake), {"slrt.intake.case.v1"})
    for what, access in (("nobody", address), ("a wrong password", replace(intake, password="guessed"))):
        try:
            seen = seen_by(access)
        except KafkaError:
            continue
        raise FailedError(f"the broker lets in {what}: {seen}")


def figures(stack: Stack) -> None:
    """Sizes and memory, as measured now."""
    tell("images, MB:")
    for name, megabytes in stack.image_sizes().items():
        tell(f"  {megabytes:8.0f}  {name}")
    tell("memory of the containers, in use / limit:")
    for name, usage in stack.memory().items():
        tell(f"  {usage:>24}  {name}")


def timed(what: str, begun: float) -> None:
    """What is done, and how long it took."""
    tell(f"{what} ({time.monotonic() - begun:.0f} s)")


def test(*, keep: bool) -> None:
    """The whole test.

    Raises:
        FailedError: saying what failed.
    """
    begun = time.monotonic()
    engine = find_engine()
    with started(engine, keep=keep) as stack:
        for service in BUILT:  # one after the other: the first makes the packages' layer for all
            building = time.monotonic()
            stack.compose("build", service, within=BUILD_S)
            timed(f"image of {service} built", building)
        try:
            rising = time.monotonic()
            stack.compose("up", "--detach", "--wait", within=UP_S)
            timed(f"{len(stack.containers())} containers up and healthy with {engine.command}", rising)
            check_walls(stack)
            check_broker(stack)
            story = Story(stack, tell)
            story.play()
            figures(stack)
            timed(
                f"CONTAINERS ok: one case from registration to an answered referral, stopped and started with nothing "
                f"lost, {story.repeated()} deliveries repeated",
                begun,
            )
        except FailedError:
            tell(stack.last_words())
            raise
        if keep:
            tell(f"kept: compose project {stack.project}, gateway {stack.url}, secrets {stack.secrets}")


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="leave everything running")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)  # so that ending this takes the containers with it
    try:
        test(keep=given.keep)
    except FailedError as failed:
        tell(f"CONTAINERS failed: {failed}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
