import asyncio
from pathlib import Path

import pytest

from bench import ingest


@pytest.mark.slow
@pytest.mark.rare
def test_what_the_benchmark_counts_as_acknowledged_is_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--rounds", "1", "--seconds", "0.5", "--events", "300", "--connections", "8"]
    asyncio.run(ingest.main([*small, "--folder", str(tmp_path)]))
    table = capsys.readouterr().out
    assert "| bare ASGI echo |" in table
    assert "| group commit (the product) |" in table
    assert list(tmp_path.iterdir()) == []
