"""Where a URL that somebody else has set may lead: the tricky ones first, then a resolver that lies."""

import socket
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from slrt_kit.http.destinations import Destinations, ForbiddenDestinationError, JudgedResolver
from slrt_kit.messaging.errors import TransientError

NOTHING_LISTED = Destinations()

REFUSED = [
    # not https, or not http at all
    *(
        "http://office.test/",
        "ftp://office.test/",
        "file:///etc/passwd",
        "gopher://office.test/",
        "javascript:alert(1)",
    ),
    *("//office.test/", "office.test", "", "https://", "https:///notices", "https://:443/", "https://[::1"),
    # credentials, ports, what splits one parser from another
    *("https://user:pw@office.test/", "https://user@office.test/", "https://@office.test/", "https://a:@office.test/"),
    *("https://office.test:8443/", "https://office.test:22/", "https://office.test:0/", "https://office.test:99999/"),
    *(
        "https://office.test\\@127.0.0.1/",
        "https://office.test\t/",
        " https://office.test/",
        "https://office.test/\r\nA: b",
    ),
    "https://office.test:443:80/",
    # loopback, in every notation
    *("https://127.0.0.1/", "https://127.0.0.1./", "https://127.1/", "https://2130706433/", "https://0177.0.0.1/"),
    *("https://0x7f.0.0.1/", "https://0x7f000001/", "https://127.0.0.0x1/", "https://127.255.255.254/", "https://0/"),
    *("https://１２７.0.0.1/", "https://①②⑦.0.0.1/", "https://127。0。0。1/", "https://1.1.1.1.1/"),
    *("https://[::1]/", "https://[0:0:0:0:0:0:0:1]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/"),
    # the same and private ones inside IPv6: NAT64, 6to4, Teredo, IPv4-compatible
    *("https://[64:ff9b::7f00:1]/", "https://[64:ff9b::a00:1]/", "https://[64:ff9b:1::1]/", "https://[2002:7f00:1::]/"),
    *("https://[2001:0:7f00:1::]/", "https://[::127.0.0.1]/", "https://[::ffff:0:127.0.0.1]/"),
    # unspecified, private, shared, benchmarking, documentation, reserved, multicast, broadcast
    *("https://0.0.0.0/", "https://[::]/", "https://10.0.0.1/", "https://172.16.0.1/", "https://172.31.255.255/"),
    *(
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://198.18.0.1/",
        "https://192.0.2.1/",
        "https://203.0.113.9/",
    ),
    *("https://240.0.0.1/", "https://255.255.255.255/", "https://224.0.0.1/", "https://192.88.99.1/"),
    *("https://[fd00::1]/", "https://[fc00::1]/", "https://[fec0::1]/", "https://[ff02::1]/", "https://[2001:db8::1]/"),
    # the link and the clouds' metadata
    *("https://169.254.169.254/latest/meta-data/", "https://[fd00:ec2::254]/", "https://100.100.100.200/"),
    *("https://192.0.0.192/", "https://168.63.129.16/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/"),
]


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_that_leads_inside_or_astray_is_refused(url: str) -> None:
    with pytest.raises(ForbiddenDestinationError):
        NOTHING_LISTED.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://office.test/notices?office=12.74",
        "https://office.test:443/",
        "https://OFFICE.test./",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]/",
        "https://xn--bcher-kva.test/",
        "https://[64:ff9b::808:808]/",
    ],
)
def test_public_https_needs_no_entry(url: str) -> None:
    NOTHING_LISTED.check(url)


@pytest.mark.parametrize(
    "entry",
    [
        "0.0.0.0/0",
        "::/0",
        "10.0.0.0/7",
        "fc00::/7",
        "10.0.0.1/8",
        "office.test",
        "http://",
        "http://a/path",
        "*",
        "http://user@office.test",
        "ftp://office.test",
        "http://office.test?a",
        "10.0.0.0/33",
        "http://0x7f.1:80",
    ],
)
def test_a_list_that_lets_everything_through_or_says_nothing_clear_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Destinations.parse(entry)


def test_an_entry_lets_through_what_it_names_and_nothing_beside_it() -> None:
    listed = Destinations.parse("http://127.0.0.1:9000, https://hooks.office.test:8443,, 10.20.0.0/16")
    for url in ("http://127.0.0.1:9000/notices", "https://hooks.office.test:8443/", "https://10.20.3.4/"):
        listed.check(url)
    for url in (
        *("http://127.0.0.1:9001/", "https://127.0.0.1:9000/", "http://127.0.0.2:9000/", "http://localhost:9000/"),
        *("http://hooks.office.test:8443/", "https://hooks.office.test:8444/", "https://a.hooks.office.test:8443/"),
        *("http://10.20.3.4/", "https://10.20.3.4:8443/", "https://10.21.0.1/", "https://169.254.169.254/"),
    ):
        with pytest.raises(ForbiddenDestinationError):
            listed.check(url)


def test_no_entry_opens_the_way_to_the_link_and_its_metadata() -> None:
    listed = Destinations.parse("http://169.254.169.254:80, 169.254.0.0/16, http://meta.test:80, http://[fe80::1]:80")
    for url in ("http://169.254.169.254/", "https://169.254.169.254/", "http://[fe80::1]/"):
        with pytest.raises(ForbiddenDestinationError):
            listed.check(url)
    assert not listed.admits("169.254.169.254", host="meta.test", port=80)
    assert not listed.admits("::ffff:169.254.169.254", host="meta.test", port=80)
    assert listed.admits("10.0.0.1", host="meta.test", port=80)


class Lying(AbstractResolver):
    """Answers each query with the next of its answers."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found: Any = [
            {"hostname": host, "host": address, "port": port, "family": family, "proto": 0, "flags": 0}
            for address in self.answers.pop(0)
        ]
        return found

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    "answer",
    [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:10.0.0.1"], ["64:ff9b::a9fe:a9fe"], ["fd00::1"], ["::"]],
    ids=str,
)
async def test_a_name_with_one_inner_address_is_refused_whole(answer: list[str]) -> None:
    with pytest.raises(ForbiddenDestinationError):
        await JudgedResolver(NOTHING_LISTED, Lying(answer)).resolve("office.test", 443)


async def test_each_answer_is_judged_anew_and_what_was_judged_is_what_is_given() -> None:
    resolver = JudgedResolver(NOTHING_LISTED, Lying(["8.8.8.8"], ["127.0.0.1"]))
    assert [each["host"] for each in await resolver.resolve("office.test", 443)] == ["8.8.8.8"]
    with pytest.raises(ForbiddenDestinationError):
        await resolver.resolve("office.test", 443)


def test_a_forbidden_destination_passes_and_loses_nothing() -> None:
    assert issubclass(ForbiddenDestinationError, TransientError)
