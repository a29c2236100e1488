"""Other users of the same machine: what the daemon writes is its owner's alone."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.process import STARS, Daemon, shop
from tests.security.village import gave_everything

NOBODY = 65_534

REACH = """
import os, socket, sys
os.setgroups([])
os.setgid({uid})
os.setuid({uid})
for path in sys.argv[1:]:
    try:
        if path.endswith(".sock"):
            socket.socket(socket.AF_UNIX).connect(path)
        elif os.path.isdir(path):
            os.listdir(path)
        else:
            open(path, "rb").close()
    except PermissionError:
        continue
    print(path)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody may enter, as /srv is; pytest's own would keep strangers out by itself."""
    made = Path(tempfile.mkdtemp(prefix="milestones-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
async def daemon(folder: Path, tmp_path: Path) -> AsyncIterator[Daemon]:
    """One that has given a coupon and sent a mail."""
    async with shop(tmp_path, customers=30) as wix:
        running = Daemon(folder, wix)
        running.configure(STARS)
        await running.start()
        await gave_everything(running)
        yield running
        await running.end()


async def test_nothing_with_customers_in_it_can_be_opened_by_others(daemon: Daemon, folder: Path) -> None:
    assert list((folder / "mail").glob("*.eml"))
    for private in ["milestones.db", "milestones.db-wal", "milestones.sock", "mail"]:
        mode = stat.S_IMODE((folder / private).stat().st_mode)
        assert mode & 0o077 == 0, f"{private} is open to others: {mode:o}"
    for mail in (folder / "mail").iterdir():
        assert stat.S_IMODE(mail.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_another_user_reaches_neither_socket_nor_database_nor_mails(
    daemon: Daemon, folder: Path
) -> None:
    private = [folder / name for name in ("milestones.db", "milestones.db-wal", "milestones.sock", "mail")]
    reached = subprocess.run(  # noqa: ASYNC221 (it takes a moment)
        [sys.executable, "-I", "-c", REACH.format(uid=NOBODY), *map(str, private), str(folder)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert reached.stdout.split() == [str(folder)], "the folder alone, which is how we know that this tells"
