"""The short form of ``make audit-drill``."""

from tests.drills.audit import drill
from tests.drills.chains import Chain
from tests.drills.tampering import OF_EXPORTS
from tests.drills.tampering_ends import OF_ENDS
from tests.drills.tampering_rows import OF_ROWS


async def test_every_kind_of_tampering_is_found_where_it_is(audited: Chain) -> None:
    result = await drill(audited, rows=400, times=2, seed=7, say=lambda _: None)
    assert result.missed == []
    assert len(result.tampers) == len(OF_EXPORTS) + len(OF_ROWS) + len(OF_ENDS) + 1
    assert result.tampers == result.caught
