"""Make ids on the device: UUID version 7 (RFC 9562 section 5.7), ordered by the device's clock."""

import os
import time
from uuid import UUID


def uuid7(milliseconds: int | None = None) -> UUID:
    """A new id. 74 bits of it are random: two devices whose clocks agree do not make the same one."""
    at = time.time_ns() // 1_000_000 if milliseconds is None else milliseconds
    noise = int.from_bytes(os.urandom(10))
    return UUID(
        int=(at & (1 << 48) - 1) << 80 | 7 << 76 | (noise >> 62 & 0xFFF) << 64 | 2 << 62 | noise & (1 << 62) - 1
    )
