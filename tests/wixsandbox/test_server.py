import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest

from wixsandbox import persistence
from wixsandbox.errors import SandboxError
from wixsandbox.server import _listen, serve
from wixsandbox.settings import SandboxSettings


async def test_a_taken_port_is_said_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=rf"127\.0\.0\.1:{port}.*Choose another port"):
            async with serve(SandboxSettings(port=port, customers=1)):
                pytest.fail("two servers on one port")


async def test_an_address_of_another_machine_is_said_in_a_sentence() -> None:
    with pytest.raises(SandboxError, match=r"cannot listen on 192\.0\.2\.1"):
        async with serve(SandboxSettings(host="192.0.2.1", port=0, customers=1)):
            pytest.fail("that address is not ours")


async def test_signals_stay_with_the_program_around_it() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with serve(SandboxSettings(port=0, customers=1)):
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_a_part_that_fails_is_told_while_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def failing(_sandbox: object) -> None:
        raise RuntimeError("the state cannot be kept")

    monkeypatch.setattr(persistence, "keep", failing)
    async with serve(SandboxSettings(port=0, customers=1)) as running, httpx.AsyncClient() as client:
        assert (await client.get(f"{running.base_url}/_sandbox/health")).status_code == 200
        assert "sandbox-state failed" in caplog.text


async def test_two_sandboxes_live_side_by_side() -> None:
    first, second = SandboxSettings(port=0, customers=1), SandboxSettings(port=0, customers=2, seed=2)
    async with serve(first) as one, serve(second) as other, httpx.AsyncClient() as client:
        for running, customers in ((one, 1), (other, 2)):
            answer = await client.get(f"{running.base_url}/_sandbox/health")
            assert answer.json()["customers"] == customers
        assert one.credentials.instance_id != other.credentials.instance_id


async def test_traffic_is_heard_over_signed_webhooks_on_a_real_connection() -> None:
    bodies: list[bytes] = []
    heard = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        bodies.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        if len(bodies) >= 10:
            heard.set()

    receiver = await asyncio.start_server(handle, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/"
    async with serve(SandboxSettings(port=0, customers=20, webhook_url=url, earn_per_second=200)):
        async with asyncio.timeout(60):
            await heard.wait()
    receiver.close()
    assert all(body.count(b".") == 2 for body in bodies)


def test_connections_do_not_wait_for_acknowledgements() -> None:
    with contextlib.closing(_listen("127.0.0.1", 0)) as listener:
        assert (
            listener.proto == socket.IPPROTO_TCP
        )  # what asyncio needs to see, to switch Nagle's algorithm off


PROGRAM = """
import asyncio
from wixsandbox import persistence
from wixsandbox.server import run
from wixsandbox.settings import SandboxSettings
asyncio.run(run(SandboxSettings(port=0, customers=3)))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_command_prints_one_line_and_ends_cleanly_on_a_signal(number: signal.Signals) -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONWARNINGS": "error"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 60)).decode()
    assert "serves 3 customers at http://127.0.0.1:" in line
    process.send_signal(number)
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, errors.decode()) == (0, "")
