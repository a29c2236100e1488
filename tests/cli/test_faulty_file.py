"""Orders, looks and reloads while the configuration is faulty, elsewhere or gone."""

import asyncio
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.cli.filled import daemon_of, filled


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled(tmp_path / "shop")


FAULTS = {
    "a threshold": lambda text: text.replace("threshold = 1000", 'threshold = "x"'),
    "no TOML": lambda text: text + "\n[[[",
    "half written": lambda text: text[: len(text) // 3],
    "empty": lambda _text: "",
    "no text": lambda _text: "\ud800",
    "gone": None,
}


class TestAFaultyFile:
    """Where a daemon runs, it is asked, whatever became of the file: the emergency stop above all."""

    @pytest.mark.parametrize("fault", FAULTS)
    async def test_orders_and_looks_go_on(self, call: Call, tmp_path: Path, fault: str) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        spoil = FAULTS[fault]
        async with daemon_of(path):
            if spoil is None:
                path.unlink()
            else:
                path.write_bytes(spoil(path.read_text()).encode(errors="surrogatepass"))
            for command in (
                ("pause",),
                ("status",),
                ("explain", "bob@example.com"),
                ("accounts", "list"),
                ("outbox", "list"),
                ("rejected", "list"),
                ("verify",),
                ("resume",),
            ):
                called = await asyncio.to_thread(call, *command, "--config", path)
                assert called.code == 0, (command, called.err)
                if command == ("status",):
                    assert "goes on with the configuration that it read before" in called.out
                    assert "Everything is paused" in called.out

    async def test_a_socket_elsewhere_is_found_in_what_is_no_toml(self, call: Call, tmp_path: Path) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        path.write_text(
            path.read_text().replace("[daemon]", '[daemon]\nsocket = "elsewhere.sock"  # short', 1)
        )
        async with daemon_of(path):
            path.write_text(path.read_text() + "\n[[[")
            called = await asyncio.to_thread(call, "pause", "--config", path)
            assert called.code == 0, called.err

    async def test_the_socket_of_the_environment_is_used_when_the_file_is_gone(
        self, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        path.write_text(path.read_text().replace("[daemon]", '[daemon]\nsocket = "elsewhere.sock"', 1))
        async with daemon_of(path):
            path.unlink()
            monkeypatch.setenv("MILESTONES_DAEMON__SOCKET", "elsewhere.sock")
            called = await asyncio.to_thread(call, "pause", "--config", path)
            assert called.code == 0, called.err

    @pytest.mark.parametrize(
        ("was", "variable", "value"),
        [
            ("", "MILESTONES_NOTHING__AT_ALL", ""),
            ("", "MILESTONES_DAEMON__SOCKET", ""),
            ("elsewhere.sock", "milestones_daemon__socket", "elsewhere.sock"),
        ],
    )
    async def test_a_daemon_is_found_that_began_before_the_file_named_another_socket(
        self, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was: str, variable: str, value: str
    ) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        text = path.read_text()
        path.write_text(text.replace("[daemon]", f'[daemon]\nsocket = "{was}"', 1) if was else text)
        async with daemon_of(path):
            moved = text.replace("[daemon]", '[daemon]\nsocket = "var/moved.sock"', 1)
            path.write_text(moved.replace("threshold = 1000", 'threshold = "x"'))
            monkeypatch.setenv(variable, value)
            called = await asyncio.to_thread(call, "pause", "--config", path)
            assert called.code == 0, called.err

    async def test_the_daemon_of_another_file_in_the_folder_is_not_asked(
        self, call: Call, tmp_path: Path
    ) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        other = path.with_name("other.toml")
        other.write_text(path.read_text() + "\n[[[")
        async with daemon_of(path):
            called = await asyncio.to_thread(call, "status", "--config", other)
            assert called.code == 2

    def test_without_a_daemon_the_faults_are_told(self, call: Call, path: Path) -> None:
        path.write_text(path.read_text().replace("threshold = 1000", 'threshold = "x"'))
        called = call("pause", "--config", path)
        assert called.code == 2
        assert "threshold" in called.err


class TestReload:
    def test_without_a_daemon_there_is_nothing_to_do(self, call: Call, path: Path) -> None:
        called = call("reload", "--config", path)
        assert called.code == 1
        assert called.err.startswith("No daemon is running; `milestones run` reads the configuration")

    async def test_the_daemon_answers_with_what_is_in_force(self, call: Call, tmp_path: Path) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        async with daemon_of(path) as shop:
            called = await asyncio.to_thread(call, "reload", "--config", path)
            assert called.out == f"The configuration {shop.settings.hash} is in force.\n"

    async def test_a_faulty_file_is_refused_before_anybody_is_asked(self, call: Call, tmp_path: Path) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        async with daemon_of(path) as shop:
            path.write_text(path.read_text().replace("threshold = 1000", "threshold = 10"))
            called = await asyncio.to_thread(call, "reload", "--config", path)
            assert called.code == 2
            assert "milestones[0]" in called.err
            assert shop.reloads == 0
