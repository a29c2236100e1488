"""``python -m wixsandbox``: usable without the rest of this repository."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from wixsandbox.command import settings_in
from wixsandbox.errors import SandboxError


def test_serving_loads_nothing_of_the_daemon(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from wixsandbox.__main__ import main\n"
        "sys.argv[1:] = ['--port', '0', '--customers', '3']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print([name for name in sys.modules if name.split('.')[0] == 'milestones'])\n"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        assert "Ctrl-C" in program.stdout.readline()
        assert "serves 3 customers at http://127.0.0.1:" in program.stdout.readline()
        program.send_signal(signal.SIGINT)
        assert program.stdout.read() == "[]\n"
    assert program.returncode == 0


def test_a_configuration_s_table_stands_behind_the_options(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text('[other]\nname = 1\n[sandbox]\ncustomers = 7\nstate_file = "shop.json"\n')
    settings = settings_in(file)
    assert (settings.customers, settings.state_file) == (7, tmp_path / "shop.json")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[sandbox", "is not TOML"),
        (b"\xff", "not text in UTF-8"),
        (b"[sandbox]\nport = 70000", r"sandbox\.port: Input should be less than or equal to 65535"),
        (b"[sandbox.switches]\nquery_lag = 1", r"sandbox\.switches\.query_lag: Extra inputs"),
    ],
)
def test_a_faulty_configuration_is_said_in_a_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "shop.toml"
    file.write_bytes(content)
    with pytest.raises(SandboxError, match=sentence):
        settings_in(file)


def test_a_configuration_that_is_not_there_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match="cannot be read"):
        settings_in(tmp_path / "none.toml")
