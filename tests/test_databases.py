"""The fixtures themselves: what they promise to every other test."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).parent.parent

KILLED = """
import sys
from tests.postgres import postgres_server
with postgres_server() as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def test_a_fresh_database_is_empty_and_its_own(fresh_postgres_url: str, postgres_url: str) -> None:
    assert fresh_postgres_url != postgres_url
    with psycopg.connect(fresh_postgres_url) as connection:
        connection.execute("CREATE TABLE customer (id int)")


def test_the_next_fresh_database_knows_nothing_of_the_last(fresh_postgres_url: str) -> None:
    with psycopg.connect(fresh_postgres_url) as connection:
        row = connection.execute("SELECT to_regclass('customer')").fetchone()
    assert row == (None,)


def test_both_kinds_of_database_are_given(database_url: str) -> None:
    assert database_url.startswith(("sqlite:////", "postgresql://"))


@pytest.mark.postgres
def test_a_killed_test_process_leaves_no_server() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while _answers(url):
        assert time.monotonic() < deadline, "the server outlived its tests"
        time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True
