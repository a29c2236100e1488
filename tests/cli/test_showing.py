"""How answers look where the terminal is not the usual one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from milestones.domain.observation import Customer
from tests.cli.filled import filled
from tests.shop import Shop

ZOE = Customer("contact-zoe", None, "zoe@example.com", "Zoë 星")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    async def more(shop: Shop) -> None:
        await shop.observe(700, account="account-zoe", customer=ZOE)

    return filled(tmp_path / "shop", more)


def shown(*arguments: object, encoding: str) -> str:
    command = [sys.executable, "-m", "milestones", *map(str, arguments)]
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "80"}
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode(encoding)


def test_a_terminal_that_lacks_a_letter_of_a_name_gets_the_rest(path: Path) -> None:
    assert "Zoë \\u661f" in shown("accounts", "list", "--config", path, encoding="latin-1")
    assert "Zoë 星" in shown("accounts", "list", "--config", path, encoding="utf-8")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_a_machine_gets_every_letter_in_any_encoding(path: Path, encoding: str) -> None:
    told = json.loads(shown("accounts", "list", "--json", "--config", path, encoding=encoding))
    assert "Zoë 星" in {account["name"] for account in told}
