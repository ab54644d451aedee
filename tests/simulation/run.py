"""``make simulate SEEDS=n [SEED=s]``: the backbone's own code under a seeded scheduler, one world after the other.

The last line is ``SIMULATE ok seeds=… failures=0``, or ``SIMULATE failed …`` with exit code 1; each world that went
wrong is named with the command that replays it.
"""

import argparse
import gc
import os
import sys
import time
from collections.abc import Iterator
from multiprocessing import get_context

import structlog
from tests.simulation import storm

_CHUNK = 25


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    began = time.monotonic()
    failures = 0
    for seed, faults in failing(range(arguments.first, arguments.first + arguments.seeds)):
        failures += 1
        print(f"  ! seed {seed}: {faults[0]}{f' and {len(faults) - 1} more' if faults[1:] else ''}")
        print(f"    make simulate SEEDS=1 SEED={seed}", flush=True)
    word = "failed" if failures else "ok"
    print(f"{time.monotonic() - began:.0f} s on {os.cpu_count()} processors")
    print(f"SIMULATE {word} seeds={arguments.seeds} failures={failures}")
    sys.exit(1 if failures else 0)


def failing(seeds: range) -> Iterator[tuple[int, list[str]]]:
    """The seeds whose worlds went wrong, and how; on all processors."""
    chunks = [seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)]
    with get_context("spawn").Pool(min(os.cpu_count() or 1, len(chunks)), initializer=quiet) as pool:
        for found in pool.imap_unordered(_run_chunk, chunks):
            yield from found


def quiet() -> None:
    """What the code under test logs is not what this is about, and there is much of it."""
    structlog.configure(processors=[_drop])


def _drop(*_: object) -> None:
    raise structlog.DropEvent


def _run_chunk(seeds: range) -> list[tuple[int, list[str]]]:
    # A world is one heap of circles: it goes as a whole, and looking for parts of it meanwhile finds nothing.
    gc.disable()
    gc.freeze()
    found = []
    for seed in seeds:
        if faults := storm.simulate(seed):
            found.append((seed, faults))
        gc.collect()
    return found


if __name__ == "__main__":
    main()
