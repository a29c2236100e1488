"""One process at a time on a SQLite file."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from milestones.errors import StoreBusyError, StoreUnavailableError
from milestones.store.database.daemon_lock import hold_lock, lock_file

HOLDER = """
import sys
from milestones.store.database.daemon_lock import hold_lock
with hold_lock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_one_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    with (
        hold_lock(url),
        pytest.raises(StoreBusyError, match=f"in use by process {os.getpid()}"),
        hold_lock(url),
    ):
        pass


def test_it_is_free_again_afterwards(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'var' / 'shop.db'}"
    with hold_lock(url):
        pass
    with hold_lock(url):
        assert lock_file(tmp_path / "var" / "shop.db").read_text() == str(os.getpid())


def test_a_killed_process_lets_go(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(StoreBusyError, match=f"process {process.pid}"), hold_lock(url):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    with hold_lock(url):
        pass


def test_postgresql_needs_none() -> None:
    url = "postgresql://nobody@nowhere/shop"
    with hold_lock(url), hold_lock(url):
        pass


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(StoreUnavailableError, match=r"shop\.db\.lock cannot be opened"),
        hold_lock(f"sqlite:///{tmp_path / 'file' / 'shop.db'}"),
    ):
        pass
