"""One whole stack for the end-to-end tests: started by the command that a newcomer runs, on ports of its own."""

from collections.abc import Iterator

import pytest
from tests.e2e.spans import SpanSink, span_sink
from tests.e2e.stack import Stack


@pytest.fixture(scope="package")
def exported() -> Iterator[SpanSink]:
    """What the processes of the stack export."""
    with span_sink() as sink:
        yield sink


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory, exported: SpanSink) -> Iterator[tuple[Stack, str]]:
    """A stack on which the demo has been played, and what the demo printed; it ends with the tests of this folder."""
    stack = Stack(tmp_path_factory.mktemp("stack"), otlp=exported.url)
    try:
        yield stack, stack.slrt("demo", "--port", "0", check=False).stdout
    finally:
        stack.slrt("down", check=False)


@pytest.fixture(scope="package")
def stack(demo: tuple[Stack, str]) -> Stack:
    """The stack alone."""
    return demo[0]


@pytest.fixture(scope="package")
def told(demo: tuple[Stack, str]) -> str:
    """What the demo printed."""
    return demo[1]
