from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from milestones.wix import answers
from tests.crash.giving import PATIENCE, Giving, giving


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that does not come is given up soon."""
    monkeypatch.setattr(answers, "EXCHANGE_SECONDS", PATIENCE)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Giving]:
    async with giving(tmp_path) as found:
        yield found
