"""Make ticket numbers that a resident can read over the phone and nobody can guess.

``1274-7KQ4-M2XD``: the regency, seven random characters and a check character. Random and not counted, so that
registering takes no lock on a counter, an offline device can make one, and a neighbour's ticket is no guess away.
"""

import re

# Crockford's base 32: no I, L, O, U, so that what is read aloud or written by hand stays readable.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
RANDOM_BITS = 35
_BODY_LENGTH = 7
_LOOKS_LIKE = str.maketrans("ILO", "110")
# [0-9] and not \d, which also takes the digits of other scripts.
_SHAPE = re.compile(rf"([0-9]{{4}})([{ALPHABET}]{{{_BODY_LENGTH}}})([{ALPHABET}])")


def make_ticket(regency_code: str, random_bits: int) -> str:
    """The ticket number of a regency (``12.74``) and 35 random bits."""
    regency = regency_code.replace(".", "")
    body = "".join(ALPHABET[(random_bits >> shift) & 31] for shift in range(RANDOM_BITS - 5, -1, -5))
    return f"{regency}-{body[:4]}-{body[4:]}{_check(regency + body)}"


def normalise_ticket(written: str) -> str | None:
    """The ticket number as it is stored, from what somebody typed; None when it cannot be one."""
    compact = re.sub(r"[\s.\-\u2010-\u2015]", "", written).upper().translate(_LOOKS_LIKE)
    match = _SHAPE.fullmatch(compact)
    if match is None or _check(match[1] + match[2]) != match[3]:
        return None
    regency, body, check = match.groups()
    return f"{regency}-{body[:4]}-{body[4:]}{check}"


def _check(characters: str) -> str:
    # Weights 1, 3, 5… are odd, hence invertible modulo 32: one wrong character is always noticed.
    total = sum((2 * place + 1) * _VALUE[character] for place, character in enumerate(characters))
    return ALPHABET[total % 32]
