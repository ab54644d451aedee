"""The erasure drill in short: an old backup gives nothing of the erased; and where keys are kept, the drill says so."""

from pathlib import Path

import pytest
from tests.erasure.run import drill

from slrt_local.testing import PostgresHandle


async def test_an_old_backup_gives_nothing_of_the_erased_and_everything_of_the_others(
    postgres_server: PostgresHandle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = await drill(postgres_server, tmp_path, households=3, erased=1)
    assert (result.readable, result.lost, str(result)) == ([], [], "ERASURE ok readable=0")
    assert "with today's keys everybody can be read" in capsys.readouterr().out


async def test_the_drill_fails_when_the_services_do_not_destroy_their_keys(
    postgres_server: PostgresHandle, tmp_path: Path
) -> None:
    result = await drill(postgres_server, tmp_path, households=2, erased=1, keep_keys=True)
    assert not result.ok
    found_in = {leak.channel for leak in result.readable}
    assert {
        f"{where} opened"
        for where in (
            "intake.persons",
            "intake.contacts",
            "intake.needs",
            "intake.drafts",
            "intake.attachments",
            "intake.objects",
            "registry.persons",
            "registry.families",
            "referral.referral_steps",
        )
    } <= found_in
