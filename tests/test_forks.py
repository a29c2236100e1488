"""What a forked program shares with one that was started from nothing."""

import signal
from pathlib import Path

import pytest

from tests.programs import announced, ended, started


@pytest.mark.parametrize("fresh", [False, True])
async def test_a_command_ends_with_its_code_its_output_and_nothing_else(tmp_path: Path, fresh: bool) -> None:
    good = await started(["--version"], {}, fresh=fresh)
    out, err = await good.communicate()
    assert err == b""
    assert out.startswith(b"milestones ")
    assert good.returncode == 0
    bad = await started(["status", "-c", "nowhere.toml"], {}, cwd=tmp_path, fresh=fresh)
    out, err = await bad.communicate()
    assert (bad.returncode, out) == (2, b"")
    assert b"nowhere.toml" in err


@pytest.mark.parametrize("fresh", [False, True])
async def test_a_server_ends_by_a_signal_and_with_it(fresh: bool) -> None:
    for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -9)):
        serving = await started(["sandbox", "--port", "0", "--customers", "1"], {}, fresh=fresh)
        await announced(serving, "http://")
        assert serving.returncode is None
        assert await ended(serving, number) == code
