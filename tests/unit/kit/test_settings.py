"""Settings: what is missing is named, secrets come from files and never show."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from slrt_kit.messaging.connection import client_arguments
from slrt_kit.settings import ServiceSettings, TopicsSettings

SECRET = "hush-hush-hush"


class DemoSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="SLRT_DEMO_")


COMPLETE = {
    "DATABASE_URL": f"postgresql://demo:{SECRET}@localhost/demo",
    "KAFKA_BOOTSTRAP": "localhost:9092",
    "OIDC_ISSUER": "https://issuer.test",
    "OIDC_JWKS_URL": "https://issuer.test/jwks",
    "TOKEN_URL": "https://issuer.test/token",
    "CLIENT_ID": "slrt-demo",
    "CLIENT_SECRET": SECRET,
}


@pytest.fixture(autouse=True)
def complete(monkeypatch: pytest.MonkeyPatch) -> None:
    """A complete environment, for each test to spoil."""
    for name, value in COMPLETE.items():
        monkeypatch.setenv(f"SLRT_DEMO_{name}", value)


def test_a_complete_environment_is_enough() -> None:
    settings = DemoSettings.load()
    assert settings.client_secret.get_secret_value() == SECRET
    assert settings.oidc_audience == "slrt"


@pytest.mark.parametrize("name", sorted(COMPLETE))
def test_a_missing_setting_is_named_and_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(f"SLRT_DEMO_{name}")
    with pytest.raises(ValidationError) as caught:
        DemoSettings.load()
    assert name.lower() in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "eighty"),
        ("HTTP_PORT", "70000"),
        ("DATABASE_POOL_SIZE", "0"),
        ("KAFKA_SESSION_TIMEOUT_MS", "5"),
        ("METRICS_PORT", "x"),
    ],
)
def test_a_wrong_setting_is_named_and_no_secret_is_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"SLRT_DEMO_{name}", value)
    with pytest.raises(ValidationError) as caught:
        DemoSettings.load()
    assert name.lower() in str(caught.value)
    assert SECRET not in str(caught.value)


def test_settings_do_not_show_their_secrets_and_cannot_be_changed() -> None:
    settings = DemoSettings.load()
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()
    with pytest.raises(ValidationError):
        settings.http_port = 1


def test_a_secret_is_read_from_the_file_with_its_full_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SLRT_DEMO_CLIENT_SECRET")
    monkeypatch.setenv("SLRT_DEMO_SECRETS_DIR", str(tmp_path))
    (tmp_path / "slrt_demo_client_secret").write_text("from-a-file\n")
    assert DemoSettings.load().client_secret.get_secret_value() == "from-a-file"


def test_the_environment_wins_over_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SLRT_DEMO_SECRETS_DIR", str(tmp_path))
    (tmp_path / "slrt_demo_client_secret").write_text("from-a-file")
    assert DemoSettings.load().client_secret.get_secret_value() == SECRET


def test_a_secrets_folder_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SLRT_DEMO_SECRETS_DIR", str(tmp_path / "nowhere"))
    with pytest.raises((ValidationError, FileNotFoundError), match="nowhere"):
        DemoSettings.load()


def test_another_services_settings_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLRT_OTHER_HTTP_PORT", "81")
    monkeypatch.setenv("HTTP_PORT", "82")
    assert DemoSettings.load().http_port == 8000


# -- the broker --------------------------------------------------------------------------------------------------

SASL = {"KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT", "KAFKA_USER": "slrt-demo", "KAFKA_PASSWORD": SECRET}


def set_all(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"SLRT_DEMO_{name}", value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"KAFKA_PASSWORD": ""}, "needs kafka_user and kafka_password"),
        ({"KAFKA_USER": ""}, "needs kafka_user and kafka_password"),
        ({"KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, "kafka_user is for a kafka_security_protocol of SASL"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL"}, "kafka_security_protocol"),
        ({"KAFKA_SASL_MECHANISM": "GSSAPI"}, "kafka_sasl_mechanism"),
    ],
)
def test_half_a_user_is_refused_without_showing_the_password(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], said: str
) -> None:
    set_all(monkeypatch, SASL | changes)
    with pytest.raises(ValidationError) as caught:
        DemoSettings.load()
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_client_connects_as_the_settings_say_and_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    assert client_arguments(DemoSettings.load().broker) == {
        "bootstrap_servers": "localhost:9092",
        "security_protocol": "PLAINTEXT",
    }
    set_all(monkeypatch, SASL)
    broker = DemoSettings.load().broker
    assert client_arguments(broker) == {
        "bootstrap_servers": "localhost:9092",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "slrt-demo",
        "sasl_plain_password": SECRET,
    }
    assert SECRET not in repr(broker)


def test_the_password_of_a_broker_s_user_comes_from_a_file_under_the_name_its_service_reads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "slrt_demo_kafka_password").write_text("of-the-file\n")
    (tmp_path / "slrt_empty_kafka_password").write_text("\n")
    set_all(monkeypatch, {name: value for name, value in SASL.items() if name != "KAFKA_PASSWORD"})
    monkeypatch.setenv("SLRT_DEMO_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("SLRT_TOPICS_SECRETS_DIR", str(tmp_path))
    assert DemoSettings.load().broker.password == TopicsSettings.password_of("slrt-demo") == "of-the-file"
    assert TopicsSettings.password_of("slrt-empty") is None
    assert TopicsSettings.password_of("partner-baznas") is None
    monkeypatch.setenv("SLRT_DEMO_KAFKA_PASSWORD", "of-the-environment")
    assert DemoSettings.load().broker.password == TopicsSettings.password_of("slrt-demo") == "of-the-environment"
