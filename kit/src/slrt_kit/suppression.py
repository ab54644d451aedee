"""Count cases without showing anybody: numbers so small that they point at somebody are left out.

Source: the rule of official statistics that a cell under 5 is not published, and that no other published number may
let it be worked out (primary and complementary suppression).
"""

from collections.abc import Mapping

SMALLEST_SHOWN = 5


def suppressed(counts: Mapping[str, int]) -> dict[str, int | None]:
    """The counts as they may be shown, None for each that may not.

    What is left out adds up to at least `SMALLEST_SHOWN` and is never a single cell, so that whoever knows the total
    learns of no small number.
    """
    hidden = {cell for cell, count in counts.items() if count < SMALLEST_SHOWN}
    shown = sorted((cell for cell in counts if cell not in hidden), key=lambda cell: (counts[cell], cell))
    while hidden and shown and (len(hidden) == 1 or sum(counts[cell] for cell in hidden) < SMALLEST_SHOWN):
        hidden.add(shown.pop(0))
    return {cell: None if cell in hidden else count for cell, count in counts.items()}
