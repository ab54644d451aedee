"""Plan and apply on a broker with users, real and in memory: the same tests for both; then the command itself."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from slrt_contracts.topics import REGISTRY_FILE
from slrt_kit.messaging.connection import BrokerAccess
from slrt_kit.testing import ModelBroker
from slrt_kit.topics.actions import AddGrant, ChangeConfig, CreateTopic, CreateUser
from slrt_kit.topics.admin import BrokerAdmin, logs_in
from slrt_kit.topics.apply import Administered, Outcome, bring, look, settled
from slrt_kit.topics.cli import app
from slrt_kit.topics.plan import Plan
from slrt_kit.topics.state import BrokerState, Grant, TopicState
from slrt_local.testing import KafkaHandle

TOPIC = TopicState(partitions=2, replication=1, configs={"cleanup.policy": "delete", "retention.ms": "3600000"})
SERVICE, PARTNER = "slrt-test", "partner-test"
NAME, OTHER = "slrt.test.thing.v1", "slrt.test.other.v1"
READ = Grant(user=PARTNER, operation="Read", resource="Topic", name=NAME)
GROUPS = Grant(user=PARTNER, operation="Read", resource="Group", name="partner.test.", prefixed=True)
WRITE = Grant(user=SERVICE, operation="Write", resource="Topic", name=NAME)
FOREIGN_TOPIC, FOREIGN_USER = "orders", "alice"
FOREIGN_RIGHT = Grant(user=FOREIGN_USER, operation="Read", resource="Topic", name=FOREIGN_TOPIC)
NOTHING = BrokerState(topics={})
REGISTRY = BrokerState(
    topics={NAME: TOPIC, OTHER: TOPIC},
    users=frozenset({SERVICE, PARTNER}),
    rights=frozenset({READ, GROUPS, WRITE}),
)


@dataclass
class Bench:
    """A broker under test with things of others on it, and the passwords that are to be."""

    broker: Administered
    passwords: dict[str, str] = field(default_factory=lambda: {SERVICE: uuid4().hex, PARTNER: uuid4().hex})

    async def apply(self, desired: BrokerState, *, allow_delete: bool = False) -> tuple[Plan, Plan]:
        """Bring it there; the plan, and what is left once the broker shows it."""
        plan = await look(self.broker, desired, self.passwords, allow_delete=allow_delete)
        outcome = await bring(self.broker, plan, self.passwords, tell=lambda _: None)
        assert outcome == Outcome(done=plan.actions)
        return plan, await settled(self.broker, desired, self.passwords, allow_delete=allow_delete)

    async def plan(self, desired: BrokerState, *, allow_delete: bool = False) -> Plan:
        """What there is to do."""
        return await look(self.broker, desired, self.passwords, allow_delete=allow_delete)


@pytest.fixture(params=["model", "real"])
async def bench(request: pytest.FixtureRequest) -> Bench:
    """A broker that has nothing of ours, and a topic, a user and a right of somebody else."""
    if request.param == "model":
        broker: Administered = ModelBroker()
    else:
        broker = BrokerAdmin(request.getfixturevalue("secured_kafka").admin)
    made = Bench(broker)
    await made.apply(NOTHING, allow_delete=True)
    has = await broker.state({})
    if FOREIGN_TOPIC not in has.topics:
        theirs = {FOREIGN_USER: "hers"}
        await broker.perform(CreateTopic(topic=FOREIGN_TOPIC, partitions=1, replication=1, configs={}), theirs)
        await broker.perform(CreateUser(user=FOREIGN_USER), theirs)
        await broker.perform(AddGrant(grant=FOREIGN_RIGHT), theirs)
    return made


def ours(state: BrokerState) -> BrokerState:
    """Without what belongs to others."""
    return BrokerState(
        topics={name: topic for name, topic in state.topics.items() if name.startswith("slrt.")},
        users=state.users - {FOREIGN_USER},
        rights=(state.rights or frozenset()) - {FOREIGN_RIGHT},
    )


async def test_an_empty_broker_gets_everything_and_then_there_is_nothing_to_do(bench: Bench) -> None:
    plan, after = await bench.apply(REGISTRY)
    assert [action.kind for action in plan.actions] == ["create-topic"] * 2 + ["create-user"] * 2 + ["add-grant"] * 3
    assert not after.differs
    assert ours(await bench.broker.state(REGISTRY.topics)) == REGISTRY
    again, _ = await bench.apply(REGISTRY)
    assert again.actions == ()


async def test_a_setting_that_somebody_changed_is_shown_and_set_again(bench: Bench) -> None:
    await bench.apply(REGISTRY)
    changed = replace(TOPIC, configs={**TOPIC.configs, "retention.ms": "60000"})
    await bench.apply(replace(REGISTRY, topics={NAME: changed, OTHER: TOPIC}), allow_delete=True)
    plan, after = await bench.apply(REGISTRY)
    assert plan.actions == (ChangeConfig(topic=NAME, name="retention.ms", old="60000", new="3600000"),)
    assert not after.differs


async def test_to_keep_less_and_to_drop_a_setting_of_somebody_takes_leave(bench: Bench) -> None:
    more = replace(TOPIC, configs={**TOPIC.configs, "segment.bytes": "4194304", "retention.ms": "-1"})
    await bench.apply(replace(REGISTRY, topics={NAME: more, OTHER: TOPIC}))
    plan, after = await bench.apply(REGISTRY)
    assert plan.actions == ()
    assert [str(action) for action in plan.withheld] == [
        f"~ topic {NAME}: retention.ms -1 → 3600000",
        f"~ topic {NAME}: segment.bytes 4194304 → (the broker's default)",
    ]
    assert after.withheld == plan.withheld
    _, after = await bench.apply(REGISTRY, allow_delete=True)
    assert not after.differs


async def test_more_partitions_are_made_and_fewer_refused(bench: Bench) -> None:
    await bench.apply(REGISTRY)
    wider = replace(REGISTRY, topics={NAME: replace(TOPIC, partitions=5), OTHER: TOPIC})
    _, after = await bench.apply(wider)
    assert not after.differs
    plan, after = await bench.apply(REGISTRY, allow_delete=True)
    assert plan.actions == after.actions == ()
    assert plan.refused == (f"topic {NAME}: partitions 5 → 2: a topic never gets fewer",)
    assert (await bench.broker.state({})).topics[NAME].partitions == 5


async def test_what_the_registry_no_longer_names_goes_with_leave_alone_and_others_keep_theirs(bench: Bench) -> None:
    await bench.apply(REGISTRY)
    less = BrokerState(topics={NAME: TOPIC}, users=frozenset({SERVICE}), rights=frozenset({WRITE}))
    plan, after = await bench.apply(less)
    assert plan.actions == ()
    assert [str(action) for action in plan.withheld] == [
        f"- {GROUPS}",
        f"- {READ}",
        f"- user {PARTNER}",
        f"- topic {OTHER}",
    ]
    assert ours(await bench.broker.state(REGISTRY.topics)) == REGISTRY, "nothing is gone"
    assert after.withheld == plan.withheld
    _, after = await bench.apply(less, allow_delete=True)
    assert not after.differs
    state = await bench.broker.state(less.topics)
    assert ours(state) == less
    assert FOREIGN_TOPIC in state.topics
    assert FOREIGN_USER in state.users
    assert FOREIGN_RIGHT in (state.rights or ())


async def test_another_password_is_noticed_and_given(bench: Bench) -> None:
    await bench.apply(REGISTRY)
    assert (await bench.plan(REGISTRY)).is_empty
    bench.passwords[PARTNER] = uuid4().hex
    plan, after = await bench.apply(REGISTRY)
    assert [str(action) for action in plan.actions] == [f"~ user {PARTNER}: another password"]
    assert not after.differs
    del bench.passwords[PARTNER]
    assert not (await bench.plan(REGISTRY)).differs, "who has one keeps it, also when we do not know it"


async def test_a_user_that_nobody_gave_a_password_is_not_made(bench: Bench) -> None:
    del bench.passwords[PARTNER]
    plan, after = await bench.apply(REGISTRY)
    assert plan.refused == after.refused == (f"user {PARTNER}: no password was given for it",)
    assert (await bench.broker.state({})).users == {SERVICE, FOREIGN_USER}


async def test_the_real_broker_takes_the_new_password_and_no_longer_the_old(secured_kafka: KafkaHandle) -> None:
    bench = Bench(BrokerAdmin(secured_kafka.admin))
    await bench.apply(REGISTRY)
    old = BrokerAccess(
        address=secured_kafka.bootstrap, protocol="SASL_PLAINTEXT", user=PARTNER, password=bench.passwords[PARTNER]
    )
    new = replace(old, password=uuid4().hex)
    assert (await logs_in(old), await logs_in(new)) == (True, False)
    bench.passwords[PARTNER] = str(new.password)
    await bench.apply(REGISTRY)
    assert (await logs_in(old), await logs_in(new)) == (False, True)


async def test_a_topic_that_goes_while_it_is_looked_at_is_a_topic_that_is_not_there(secured_kafka: KafkaHandle) -> None:
    # Between the list of topics and the question for their settings: no test can hit that moment from outside.
    assert BrokerAdmin(secured_kafka.admin)._configs(["slrt.test.gone.v1"], {}) == {}


async def test_a_real_failure_in_the_middle_says_what_was_done_and_a_second_apply_does_the_rest(
    secured_kafka: KafkaHandle,
) -> None:
    bench = Bench(BrokerAdmin(secured_kafka.admin))
    await bench.apply(NOTHING, allow_delete=True)
    impossible = replace(REGISTRY, topics={OTHER: replace(TOPIC, replication=3), NAME: TOPIC})
    plan = await bench.plan(impossible)
    assert [getattr(action, "topic", None) for action in plan.actions[:3]] == [OTHER, NAME, None]
    outcome = await bring(bench.broker, plan, bench.passwords, tell=lambda _: None)
    assert outcome.failed == plan.actions[0]
    assert "replication" in outcome.reason.lower()
    assert (outcome.done, outcome.left) == ((), plan.actions[1:])
    _, after = await bench.apply(REGISTRY)
    assert not after.differs


# -- the command -------------------------------------------------------------------------------------------------

SECRET_NAMES = [f"slrt_{service}_kafka_password" for service in ("intake", "referral", "registry", "notification")]


@dataclass
class Command:
    """``slrt topics …`` with the settings of a test."""

    environment: dict[str, str]
    secrets: Path

    def __call__(self, *arguments: str, code: int = 0, **changes: str) -> str:
        """What it prints, on both streams; it must end with ``code``."""
        done = CliRunner(env=self.environment | changes).invoke(app, list(arguments))
        assert done.exit_code == code, done.output
        for secret in [*self.secrets.iterdir()]:
            assert secret.read_text().strip() not in done.output
        assert self.environment["SLRT_TOPICS_KAFKA_PASSWORD"] not in done.output
        return done.output


@pytest.fixture
def command(secured_kafka: KafkaHandle, tmp_path: Path) -> Command:
    """On the secured broker, without anything of ours there."""
    asyncio.run(Bench(BrokerAdmin(secured_kafka.admin)).apply(NOTHING, allow_delete=True))
    for name in SECRET_NAMES:
        (tmp_path / name).write_text(f"{uuid4().hex}\n")
    admin = secured_kafka.admin
    environment = {
        "KAFKA_BOOTSTRAP": admin.address,
        "KAFKA_SECURITY_PROTOCOL": admin.protocol,
        "KAFKA_SASL_MECHANISM": admin.mechanism,
        "KAFKA_USER": str(admin.user),
        "KAFKA_PASSWORD": str(admin.password),
        "SECRETS_DIR": str(tmp_path),
    }
    return Command({f"SLRT_TOPICS_{name}": value for name, value in environment.items()}, tmp_path)


def registry_with(root: Path, tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> str:
    """A copy of the registry in which ``change`` has altered the topic of the referrals."""
    document = json.loads((root / "contracts/src/slrt_contracts" / REGISTRY_FILE).read_text(encoding="utf-8"))
    change(next(topic for topic in document["topics"] if topic["name"] == "slrt.referral.referral.v1"))
    path = tmp_path.parent / f"{tmp_path.name}-registry.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def test_plan_changes_nothing_and_apply_does_what_it_said(command: Command) -> None:
    said = command("plan", "--exit-code", code=2)
    assert "+ topic slrt.intake.case.v1: partitions=6" in said
    assert "+ user slrt-intake" in said
    assert "+ slrt-intake may Write Topic slrt.intake.case.v1" in said
    assert command("plan", "--exit-code", code=2) == said, "nothing was changed"
    done = command("apply")
    lines = [line.removeprefix("  ") for line in said.splitlines()[:-1]]
    assert [line.removeprefix("  done  ") for line in done.splitlines()[:-1]] == lines
    assert done.splitlines()[-1] == f"{len(lines)} of {len(lines)} done"
    assert command("plan", "--exit-code") == "the broker is as the registry says\n"
    assert command("apply") == "the broker is as the registry says\n"


def test_a_partner_comes_and_goes(command: Command, root: Path, tmp_path: Path) -> None:
    command("apply")
    more = registry_with(root, tmp_path, lambda topic: topic["acl"]["read"].append("partner-baznas"))
    assert "! user partner-baznas: no password was given for it" in command("plan", "--registry", more)
    (tmp_path / "partner_baznas_kafka_password").write_text(uuid4().hex)
    assert "3 of 3 done" in command("apply", "--registry", more)
    kept = command("apply")
    assert "  - user partner-baznas   (would need --allow-delete)" in kept
    assert "0 of 0 done" in kept
    found = json.loads(command("plan", "--json", "--exit-code", code=2))
    assert (found["actions"], len(found["withheld"]), found["differs"]) == ([], 3, True)
    gone = json.loads(command("apply", "--json", "--allow-delete"))
    assert [action["kind"] for action in gone["done"]] == ["remove-grant", "remove-grant", "delete-user"]
    assert gone["failed"] is None
    assert json.loads(command("plan", "--json", "--exit-code"))["differs"] is False


def test_what_cannot_be_done_is_said_and_ends_with_1(command: Command, root: Path, tmp_path: Path) -> None:
    command("apply")
    fewer = registry_with(root, tmp_path, lambda topic: topic.update(partitions=3))
    said = command("apply", "--registry", fewer, code=1)
    assert "! topic slrt.referral.referral.v1: partitions 6 → 3: a topic never gets fewer" in said
    command("plan", "--registry", fewer)


def test_a_partner_of_an_internal_topic_is_refused_before_anything_is_done(
    command: Command, root: Path, tmp_path: Path
) -> None:
    def spoil(topic: dict[str, Any]) -> None:
        topic.update(audience="internal")
        topic["acl"]["read"].append("partner-baznas")

    to_do = command("plan")
    said = command("apply", "--registry", registry_with(root, tmp_path, spoil), code=1)
    assert said == "slrt.referral.referral.v1 is internal: partner-baznas must not hear it\n"
    assert command("plan") == to_do
    assert to_do.endswith(" to do\n")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SLRT_TOPICS_KAFKA_PASSWORD": "wrong"}, "the broker refuses the user admin or the password given for it"),
        ({"SLRT_TOPICS_KAFKA_BOOTSTRAP": "127.0.0.1:9"}, "no broker answers at 127.0.0.1:9"),
        ({"SLRT_TOPICS_KAFKA_PASSWORD": ""}, "needs kafka_user and kafka_password"),
        ({"SLRT_TOPICS_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}, "kafka_user is for"),
        ({"SLRT_TOPICS_SECRETS_DIR": "/nowhere"}, "/nowhere"),
    ],
)
def test_a_broker_that_cannot_be_used_is_said_in_words(command: Command, changes: dict[str, str], said: str) -> None:
    for name in ("plan", "apply"):
        assert said in command(name, "--wait", "0", code=1, **changes)


@pytest.mark.parametrize("text", [None, "not json", "{}", '{"topics": [{"name": "x"}]}'])
def test_a_registry_that_cannot_be_read_is_said(command: Command, tmp_path: Path, text: str | None) -> None:
    path = tmp_path.parent / f"{tmp_path.name}-broken.json"
    if text is not None:
        path.write_text(text)
    assert "cannot be read as a registry" in command("plan", "--registry", str(path), code=1)


def test_a_broker_without_an_authorizer_gets_its_topics(kafka_server: KafkaHandle) -> None:
    runner = CliRunner(env={"SLRT_TOPICS_KAFKA_BOOTSTRAP": kafka_server.bootstrap})
    done = runner.invoke(app, ["apply"])
    assert done.exit_code == 0, done.output
    assert "the broker has no authorizer: users and rights are left out" in done.output
    assert json.loads(runner.invoke(app, ["plan", "--json"]).output)["actions"] == []
