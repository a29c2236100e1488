"""What a command imports is what it needs, since a person waits for it: every heavy library costs a tenth of a second."""

import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys
from milestones.cli.app import main
try:
    main(sys.argv[1:])
except SystemExit:
    pass
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""
SERVING = {"fastapi", "starlette", "uvicorn", "apscheduler", "prometheus_client", "jwt", "cryptography"}
SENDING = {"httpx", "aiosmtplib", "dns", "standardwebhooks", "stamina"}
STORING = {"alembic", "sqlalchemy", "sqlmodel", "psycopg", "aiosqlite"}
RENDERING = {"babel", "css_inline", "jinja2"}
SHOWING = {"rich", "markdown_it", "pygments"}


def imported(*arguments: str) -> set[str]:
    """The packages that a fresh interpreter has imported when a command is done."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stderr.splitlines()[-1].split())


NEEDLESS = {
    "--help": SERVING | SENDING | STORING | RENDERING | SHOWING | {"pydantic", "structlog"},
    "status": SERVING | SENDING | {"alembic", "babel", "css_inline"},
    "check": SERVING | SENDING | STORING | SHOWING,
    "pause --help": SERVING | SENDING | STORING | {"babel", "css_inline"},
}


@pytest.mark.parametrize("command", NEEDLESS)
def test_a_command_imports_nothing_that_it_does_not_need(shop: Path, command: str) -> None:
    where = () if "--help" in command else ("-c", str(shop / "config.toml"))
    assert imported(*command.split(), *where) & NEEDLESS[command] == set()
