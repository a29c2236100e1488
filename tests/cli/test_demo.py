"""``milestones demo``."""

from collections.abc import Callable
from socket import socket
from typing import Any

import pytest

from milestones.app import daemon
from milestones.config import Settings
from milestones.observability import logs
from tests.cli.conftest import Call


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings of every daemon that a call starts; none of them runs."""
    found: list[Settings] = []

    async def run(settings: Settings, load: Callable[[], Settings], *_rest: Any) -> None:
        assert load() == settings
        found.append(settings)

    monkeypatch.setattr(daemon, "run", run)
    monkeypatch.setattr(logs, "configure", lambda *_: None)
    return found


def test_the_environment_of_a_real_shop_does_not_lead_it_there(
    call: Call, started: list[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = {
        "WIX__SANDBOX": "false",
        "WIX__API_URL": "https://www.wixapis.com",
        "DAEMON__DATABASE": "postgresql://db.example.com/stars",
        "MAIL__TRANSPORT": "smtp",
        "MAIL__HOST": "smtp.example.com",
        "OOPS__OOPS": "1",
    }
    for name, value in real.items():
        monkeypatch.setenv(f"MILESTONES_{name}", value)
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    called = call("demo", "--no-browser", "--port", port)
    assert called.code == 0, called.err
    (settings,) = started
    assert settings.wix.sandbox
    assert settings.daemon.listen == f"127.0.0.1:{port}"
    assert settings.mail.transport == "folder"
    assert settings.daemon.database.get_secret_value().startswith(f"sqlite:///{settings.folder}/")
    assert not settings.folder.exists(), "all of it is gone at the end"


def test_a_taken_port_is_a_sentence_that_says_how_to_name_another(
    call: Call, started: list[Settings]
) -> None:
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        called = call("demo", "--no-browser", "--port", port)
    assert called == (1, "", f"The port {port} is taken, or not for this user. Name another with --port.\n")
    assert started == []
