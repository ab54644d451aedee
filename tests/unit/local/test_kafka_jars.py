"""The pinned jars: a bad pin list, a wrong digest and a broken settings file are refused by name."""

import hashlib
from pathlib import Path

import pytest

from slrt_local.parts import kafka_jars
from slrt_local.parts.kafka_jars import Jar
from slrt_local.process import PartError


def silent(_line: str) -> None:
    """No progress."""


@pytest.mark.parametrize(
    "line",
    [
        "org.apache.kafka:kafka-clients",
        "a:b:1 sha256=abc",
        "a:b:1",
        "a:b:1 md5=" + "0" * 64,
        "../x:b:1/2 sha256=" + "0" * 64,
    ],
)
def test_a_line_that_is_no_pin_is_refused_with_its_number(line: str) -> None:
    with pytest.raises(PartError, match="line 2"):
        kafka_jars.parse_pins("# comment\n" + line)


def test_the_committed_list_pins_all_46_jars() -> None:
    jars = kafka_jars.pins()
    assert len(jars) == len({jar.file_name for jar in jars}) == 46
    assert {jar.version for jar in jars if jar.group == "org.apache.kafka"} == {kafka_jars.VERSION}


def _jar(content: bytes) -> Jar:
    return Jar("org.example", "thing", "1.0", hashlib.sha256(content).hexdigest())


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty local Maven repository, and no network: the remote one is a closed port."""
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv(kafka_jars.MIRROR_VARIABLE, "http://127.0.0.1:9/maven2")
    monkeypatch.setattr(kafka_jars, "ATTEMPTS", 1)
    return tmp_path / "m2"


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_a_jar_that_cannot_be_fetched_is_named_with_its_source(repository: Path, tmp_path: Path) -> None:
    with pytest.raises(
        PartError, match=r"org\.example:thing:1\.0 from http://127\.0\.0\.1:9/maven2.*SLRT_KAFKA_BOOTSTRAP"
    ):
        kafka_jars.fetch([_jar(b"right")], silent, cache=tmp_path / "cache")


def test_a_cache_that_cannot_be_made_is_named_with_the_way_out(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PartError, match="SLRT_CACHE"):
        kafka_jars.fetch([_jar(b"right")], silent, cache=tmp_path / "file")


def test_a_jar_of_the_local_repository_with_another_digest_is_not_taken(repository: Path, tmp_path: Path) -> None:
    jar = _jar(b"right")
    _put(jar.in_repository(repository), b"wrong")
    with pytest.raises(PartError, match="cannot fetch"):
        kafka_jars.fetch([jar], silent, cache=tmp_path / "cache")
    assert jar.in_repository(repository).read_bytes() == b"wrong"  # it is the user's


def test_a_damaged_jar_in_the_cache_is_replaced(repository: Path, tmp_path: Path) -> None:
    jar = _jar(b"right")
    _put(jar.in_repository(repository), b"right")
    [path] = kafka_jars.fetch([jar], silent, cache=tmp_path / "cache")
    path.write_bytes(b"half")
    [path] = kafka_jars.fetch([jar], silent, cache=tmp_path / "cache")
    assert path.read_bytes() == b"right"


def test_a_fetched_jar_with_another_digest_is_refused(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar = _jar(b"right")
    monkeypatch.setattr(kafka_jars, "download", lambda _jars, folder, _progress: _put(folder / jar.file_name, b"evil"))
    with pytest.raises(PartError, match=f"pinned sha256 {jar.sha256}: refused"):
        kafka_jars.fetch([jar], silent, cache=tmp_path / "cache")
    assert not list((tmp_path / "cache").rglob("*.jar"))


SETTINGS = """<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0"><mirrors>
<mirror><id>other</id><mirrorOf>jboss</mirrorOf><url>https://jboss.example</url></mirror>
<mirror><id>all</id><mirrorOf>{of}</mirrorOf><url> https://maven.example/all/ </url></mirror>
</mirrors></settings>"""


@pytest.mark.parametrize("of", ["*", "central", "external:*", "jboss,central"])
def test_a_mirror_of_central_in_the_maven_settings_is_used(
    of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(kafka_jars.MIRROR_VARIABLE, raising=False)
    (tmp_path / "settings.xml").write_text(SETTINGS.format(of=of))
    assert kafka_jars.mirror_of_central(tmp_path / "settings.xml") == "https://maven.example/all"


@pytest.mark.parametrize("of", ["*,!central", "jboss"])
def test_a_mirror_of_something_else_is_not_used(of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(kafka_jars.MIRROR_VARIABLE, raising=False)
    (tmp_path / "settings.xml").write_text(SETTINGS.format(of=of))
    assert kafka_jars.mirror_of_central(tmp_path / "settings.xml") is None
    assert kafka_jars.mirror_of_central(tmp_path / "absent.xml") is None


def test_unreadable_maven_settings_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(kafka_jars.MIRROR_VARIABLE, raising=False)
    (tmp_path / "settings.xml").write_text("<settings>")
    with pytest.raises(PartError, match=r"settings\.xml is not readable XML"):
        kafka_jars.mirror_of_central(tmp_path / "settings.xml")
