"""The command line and the settings: what is missing or wrong is said by name."""

import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from slrt_contracts.codes import NotificationChannel
from slrt_kit.runtime import Runtime
from slrt_kit.settings import ServiceSettings
from slrt_kit.testing import TestIssuer, environment_of
from slrt_notification.app import build_connector, build_consumers, build_runtime
from slrt_notification.cli import main

OWN = {
    "intake_url": "http://127.0.0.1:9",
    "smtp_host": "127.0.0.1",
    "smtp_port": "25",
    "mail_from": "slrt@contoh.go.id",
    "message_provider_url": "http://127.0.0.1:9",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The settings of the service in the environment; nobody answers at any of the addresses."""
    url = "postgresql://nobody:nothing@127.0.0.1:9/none"
    for name, value in environment_of("notification", database_url=url, issuer=TestIssuer(), **OWN).items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_every_role_is_a_command() -> None:
    said = CliRunner().invoke(main, ["--help"]).output
    for role in ("api", "worker", "relay", "migrate", "all", "connector"):
        assert role in said


@pytest.mark.parametrize("arguments", [["connector"], ["connector", "--channel", "pigeon"]])
def test_a_connector_needs_a_channel_that_exists(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


@pytest.mark.parametrize("name", ["intake_url", "smtp_host", "mail_from", "message_provider_url"])
def test_a_missing_setting_is_named(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.delenv(f"SLRT_NOTIFICATION_{name.upper()}")
    with pytest.raises(ValidationError, match=f"(?i){name}"):
        build_runtime()


@pytest.mark.parametrize(
    ("name", "value"),
    [("mail_from", "SLRT"), ("mail_from", "a@b\n"), ("smtp_port", "0"), ("smtp_security", "maybe")],
)
def test_a_wrong_setting_is_named(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(f"SLRT_NOTIFICATION_{name.upper()}", value)
    with pytest.raises(ValidationError, match=f"(?i){name}"):
        build_runtime()


def test_the_groups_are_those_of_the_registry(environment: pytest.MonkeyPatch) -> None:
    runtime = build_runtime()
    groups = [consumer._settings.group for consumer in build_consumers(runtime)]
    names = ("cases", "referrals", "supervision", "residents", "consents", "letters")
    assert groups == [f"slrt.notification.{name}" for name in names]
    for channel in NotificationChannel:
        connector = build_connector(runtime, channel)
        assert connector._settings.group == f"slrt.notification.connector.{channel}"
        assert list(connector._settings.topics) == ["slrt.notification.delivery.v1"]


def test_a_runtime_of_another_service_is_refused(environment: pytest.MonkeyPatch) -> None:
    settings = build_runtime().settings
    other = ServiceSettings(**settings.model_dump(include=set(ServiceSettings.model_fields)))
    with pytest.raises(TypeError, match="another service"):
        build_connector(Runtime("intake", "slrt_intake", other), NotificationChannel.EMAIL)
