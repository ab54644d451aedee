"""What the container files promise can be read from them: no engine is needed here."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from slrt_kit.access import permission_table
from slrt_local.identity import ROLES, directory
from slrt_local.offices import OFFICES

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("intake", "referral", "registry", "notification")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
REALM: dict[str, Any] = json.loads((ROOT / "deploy/identity/realm-slrt.json").read_text(encoding="utf-8"))
ONCE = {"topics", *(f"{service}-migrate" for service in SERVICES)}
WRITES_INTO_ITS_IMAGE = {"kafka"}
CANNOT_BE_ASKED = {"otel"}  # its image holds nothing that could


def recipe(service: str) -> str:
    """A service's Dockerfile without its name."""
    text = (ROOT / "services" / service / "Dockerfile").read_text(encoding="utf-8")
    return text.replace(service.upper(), "NAME").replace(service, "name")


@pytest.mark.parametrize("service", SERVICES[1:])
def test_dockerfiles_of_the_services_differ_in_the_name_alone(service: str) -> None:
    assert recipe(service) == recipe("intake")


def test_the_image_beside_the_services_shares_their_layer_of_packages() -> None:
    side = (ROOT / "deploy/side/Dockerfile").read_text(encoding="utf-8")
    intake = (ROOT / "services/intake/Dockerfile").read_text(encoding="utf-8")
    for stage in ("packages", "runtime"):
        instructions = re.search(rf"^FROM .* AS {stage}\n(.*?)^(?=FROM|#)", intake, re.DOTALL | re.MULTILINE)
        assert instructions
        assert instructions[1].strip() in side


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_container_is_limited_walled_and_checked(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is (name not in WRITES_INTO_ITS_IMAGE)
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
    assert "healthcheck" in service or name in ONCE | CANNOT_BE_ASKED


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_ports_are_published_on_loopback_unless_told_otherwise(name: str) -> None:
    for port in COMPOSE["services"][name].get("ports", []):
        assert re.fullmatch(r"\$\{SLRT_[A-Z]+_BIND:-127\.0\.0\.1:\d+\}:\d+", port)


def test_the_image_that_applies_the_topic_registry_has_the_library_that_it_takes() -> None:
    side = (ROOT / "deploy/side/Dockerfile").read_text(encoding="utf-8")
    taken = re.search(r"keep = /\^\(([a-z0-9|-]+)\)==/", side)
    assert taken
    assert "confluent-kafka" in taken[1].split("|")
    assert "\nconfluent-kafka==" in (ROOT / "requirements/local.txt").read_text(encoding="utf-8")
    for package in ("contracts", "kit"):
        assert f"\nCOPY {package} /src/{package}\n" in side
        assert re.search(rf"pip .* wheel (?:.*\\\n)*.*/src/{package} ", side)
    assert COMPOSE["services"]["topics"]["image"].startswith("slrt-side:")
    assert COMPOSE["services"]["topics"]["entrypoint"] == ["python", "-m", "slrt_kit.topics"]


def test_the_broker_asks_everybody_who_he_is_and_lets_nobody_do_what_he_has_no_right_to() -> None:
    broker = COMPOSE["services"]["kafka"]["environment"]
    listeners = dict(pair.split(":") for pair in broker["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert set(listeners) == {address.partition(":")[0] for address in broker["KAFKA_LISTENERS"].split(",")}
    assert all(protocol.startswith("SASL_") for protocol in listeners.values())
    assert broker["KAFKA_AUTHORIZER_CLASS_NAME"].endswith(".StandardAuthorizer")
    assert broker["KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND"] == "false"
    assert broker["KAFKA_SUPER_USERS"] == "User:broker;User:admin"
    # Whoever comes from outside comes by a name that the registry has given him.
    assert broker["KAFKA_LISTENER_NAME_PARTNERS_SASL_ENABLED_MECHANISMS"] == "SCRAM-SHA-512"
    for name, value in broker.items():
        if name.endswith("_JAAS_CONFIG"):
            given = re.findall(r'(?:password|user_\w+)="([^"]*)"', value)
            assert all(re.fullmatch(r"\$\$\{file:/run/secrets/kafka_users:\w+\}", each) for each in given), name


def test_no_secret_is_written_into_the_compose_file() -> None:
    for service in COMPOSE["services"].values():
        for variable in service.get("environment", {}):
            assert not re.search(r"PASSWORD$|_SECRET$|DATABASE_URL$", variable)


def test_a_service_gets_no_other_service_s_secrets() -> None:
    for name, service in COMPOSE["services"].items():
        owner = re.match(r"slrt-(\w+):", service["image"])
        if owner and owner[1] in SERVICES:
            others = [other for other in SERVICES if other != owner[1]]
            assert not [
                secret for secret in service.get("secrets", []) if any(f"_{other}_" in secret for other in others)
            ], name


def test_the_realm_knows_the_people_of_the_local_issuer() -> None:
    realm = {
        user["username"]: (tuple(user["realmRoles"]), user.get("attributes", {}))
        for user in REALM["users"]
        if "serviceAccountClientId" not in user
    }
    local = {}
    for name, account in directory().users.items():
        places = {"region": account.region, "office": account.office}
        local[name] = (account.roles, {key: [value] for key, value in places.items() if value})
    assert realm == local


def test_the_realm_has_every_role_and_lets_each_into_a_token() -> None:
    names = {role["name"] for role in REALM["roles"]["realm"]}
    assert names == ROLES
    assert {role for grants in permission_table().values() for role in grants} <= names
    assert set(REALM["scopeMappings"][0]["roles"]) == names


def test_every_service_has_a_client_of_its_own_with_the_role_service_alone() -> None:
    accounts = {user["serviceAccountClientId"]: user for user in REALM["users"] if "serviceAccountClientId" in user}
    reader = accounts.pop("slrt-revocations")
    assert reader["clientRoles"] == {"realm-management": ["view-realm", "view-events", "view-clients"]}
    assert "realmRoles" not in reader
    assert {name: user["realmRoles"] for name, user in accounts.items()} == {
        f"slrt-{service}": ["service"] for service in SERVICES
    }
    for client in REALM["clients"]:
        if client["clientId"] == "slrt-revocations":
            assert client["defaultClientScopes"] == []  # no audience of ours: its token opens no service
            continue
        assert client["defaultClientScopes"] == ["slrt"]
        assert not client["fullScopeAllowed"]


def test_tokens_of_every_client_say_whose_they_are_as_rfc_9068_calls_it() -> None:
    for client in REALM["clients"]:
        if client["defaultClientScopes"] != ["slrt"]:
            continue
        (mapper,) = client["protocolMappers"]
        told = mapper["config"]
        assert mapper["protocolMapper"] == "oidc-hardcoded-claim-mapper"
        assert (told["claim.name"], told["claim.value"]) == ("client_id", client["clientId"])
        assert (told["access.token.claim"], told["id.token.claim"]) == ("true", "false")


def test_the_realm_holds_no_secret_of_its_own() -> None:
    given = [client["secret"] for client in REALM["clients"] if "secret" in client]
    given += [credential["value"] for user in REALM["users"] for credential in user.get("credentials", [])]
    assert given
    assert all(re.fullmatch(r"\$\{SLRT_[A-Z_]+\}", value) for value in given)


def test_every_office_of_the_local_stack_has_its_connector() -> None:
    commands = [service.get("command", []) for service in COMPOSE["services"].values()]
    assert {command[-1] for command in commands if command[:2] == ["connector", "--office"]} == set(OFFICES)
