from pathlib import Path

import pytest

from bench import ingest


@pytest.mark.slow
@pytest.mark.rare
def test_what_the_benchmark_counts_as_acknowledged_is_stored(tmp_path: Path) -> None:
    small = ["--rounds", "1", "--seconds", "0.5", "--events", "5500", "--connections", "8"]
    told = ingest.main([*small, "--folder", str(tmp_path), "--only", "echo", "ours"])
    assert "| bare echo (uvicorn, uvloop, httptools) |" in told
    assert "| milestones, coupons drained beside |" in told
    assert "not run: not asked for" in told, "who is missing is said"
    assert list(tmp_path.iterdir()) == []
