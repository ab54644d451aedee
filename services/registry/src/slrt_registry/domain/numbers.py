"""Judge whether a NIK or KK number that somebody wrote can tell one person or family from another."""

import re

# What people put between the groups of digits.
_SEPARATORS = re.compile(r"[\s.\-/_']")
_SIXTEEN = re.compile(r"[0-9]{16}")
_WOMEN_OFFSET = 40
_LAST_DAY = 31
_LAST_MONTH = 12
_SLIPS = 2


def identifying_number(written: str | None) -> str | None:
    """The 16 digits, when they can be a NIK or a KK number; None for none, a wrong length or a filler.

    Both numbers are built ``PPKKCC DDMMYY NNNN`` with +40 on a woman's day (domain 8.1). There is no check digit,
    so this proves nothing; but ``0000000000000000`` or ``1234567890123456`` would make one person of everybody
    who was entered with it. The region part is not looked at: it may be a code that is no longer in use.
    """
    if written is None:
        return None
    digits = _SEPARATORS.sub("", written)
    if not _SIXTEEN.fullmatch(digits) or len(set(digits)) == 1 or digits.endswith("0000"):
        return None
    day, month = int(digits[6:8]), int(digits[8:10])
    possible_day = 1 <= day <= _LAST_DAY or 1 <= day - _WOMEN_OFFSET <= _LAST_DAY
    return digits if possible_day and 1 <= month <= _LAST_MONTH else None


def same_but_for_slips(one: str, other: str) -> bool:
    """Whether two numbers of 16 digits may be one number typed twice: at most two digits differ, or two are swapped.

    Brothers and sisters, and families registered on one day, have numbers as close as that: never enough alone.
    """
    return sum(a != b for a, b in zip(one, other, strict=True)) <= _SLIPS
