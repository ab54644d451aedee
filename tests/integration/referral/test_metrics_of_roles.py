"""Every role answers `/metrics`, and shows there from its start what the catalogue says that it shows."""

import os
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from slrt_kit.metrics import CATALOGUE, Role
from slrt_kit.testing import TestIssuer, environment_of, eventually

OFFICE = "12.74.DUKCAPIL"
ROLES = {
    "api": (["api"], {Role.API}),
    "worker": (["worker"], {Role.WORKER}),
    "relay": (["relay"], {Role.RELAY}),
    "all": (["all"], {Role.API, Role.WORKER, Role.RELAY}),
    "connector": (["connector", "--office", OFFICE], {Role.CONNECTOR}),
}
AFTER_SOMETHING_HAPPENED = {
    "slrt_relay_published_total",
    "slrt_consumer_apply_seconds",
    "slrt_consumer_delay_seconds",
    "slrt_consumer_lag_events",
    "slrt_consumer_lag_seconds",
    "slrt_consumer_paused_seconds",
    "slrt_claim_checks_total",
}
"""What has no series before a first event: no topic, no partition, no owner is known yet."""
OF_A_CONSUMER = {"slrt_consumer_parked_events", "slrt_consumer_parked_keys", "slrt_consumer_parked_oldest_seconds"}
"""What a process without consumers shows only while something is parked."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def pages(
    service_database: Any, token_issuer: TestIssuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The address of each role's page. No broker is there: metrics must not depend on one."""
    connectors = tmp_path_factory.mktemp("connectors") / "connectors.yaml"
    secret = f"whsec_{b64encode(bytes(32)).decode()}"
    connectors.write_text(yaml.safe_dump({OFFICE: {"url": "http://127.0.0.1:9/notices", "secret": secret}}))
    url = service_database("referral")
    found = {}
    with ExitStack() as processes:
        for role, (arguments, _) in ROLES.items():
            port = str(free_port())
            environment = environment_of(
                "referral",
                database_url=url,
                issuer=token_issuer,
                connectors_file=str(connectors),
                office_endpoint_allow="http://127.0.0.1:9",
                client_id="slrt-referral",
                **{"http_port" if role in ("api", "all") else "metrics_port": port},
            )
            process = subprocess.Popen(
                [str(Path(sys.executable).with_name("slrt-referral")), *arguments],
                env={**os.environ, **environment},
                stdout=subprocess.DEVNULL,
            )
            processes.callback(process.wait, 60)
            processes.callback(process.terminate)
            found[role] = f"http://127.0.0.1:{port}/metrics"
        yield found


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_shows_every_metric_of_the_catalogue_that_it_should(role: str, pages: dict[str, str]) -> None:
    async with httpx.AsyncClient() as client:

        async def page() -> str:
            try:
                return (await client.get(pages[role])).text
            except httpx.TransportError:
                return ""

        def samples(text: str) -> dict[str, int]:
            families = text_string_to_metric_families(text)
            return {family.name: len(family.samples) for family in families}

        wanted = {
            name.removesuffix("_total")
            for name, metric in CATALOGUE.items()
            if ROLES[role][1].intersection(metric.roles) and name not in AFTER_SOMETHING_HAPPENED
        }
        if role in ("api", "relay"):
            wanted -= OF_A_CONSUMER
        assert wanted
        missing = wanted

        async def shows_all() -> bool:
            nonlocal missing
            # An API has counted its first request when it is asked a second time.
            missing = wanted - {name for name, count in samples(await page()).items() if count}
            return not missing

        try:
            await eventually(shows_all, seconds=60)
        except AssertionError:
            pytest.fail(f"{role} does not show {sorted(missing)}")
        text = await page()
        assert "slrt_database_up 1.0" in text
        assert samples(text).keys() >= {name.removesuffix("_total") for name in CATALOGUE}
