"""Strangers at the webhook door of the real process: what they send is refused, costs little, and delays nobody."""

import asyncio
import base64
import hmac
import json
import resource
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.ingest.tokens import genuine, pem, private_key, token, unsigned
from tests.process import STARS, Daemon, shop
from tests.security.village import event, heard, post

MEBIBYTE = 1024 * 1024
WIX_SECONDS = 1.25
"""Wix counts a webhook that is answered later as failed (docs/wix-api.md, 4.1)."""


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    """One that believes our own key in place of Wix's, so that the tests can sign."""
    async with shop(tmp_path, customers=5) as wix:
        running = Daemon(tmp_path, wix)
        running.configure(STARS)
        (tmp_path / "key.pem").write_text(pem(private_key()))
        await running.start()
        yield running
        await running.end()


def site(daemon: Daemon) -> str:
    return str(daemon.shop.credentials["instance_id"])


def signed_with_the_public_key(body: bytes) -> bytes:
    """The claims of a genuine event under HS256, with the public key as the secret (RFC 8725, section 2.1)."""
    payload = body.split(b".")[1]
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
    seal = hmac.digest(pem(private_key()).encode(), header + b"." + payload, sha256)
    return header + b"." + payload + b"." + base64.urlsafe_b64encode(seal).rstrip(b"=")


def forgeries(site_id: str) -> dict[str, bytes]:
    """Each says the same of an account of its own, in a way that must not be believed."""
    now = int(time.time())
    real = event(site_id, id="f0000000-0000-4000-8000-000000000001")
    claims = json.loads(base64.urlsafe_b64decode(real.split(b".")[1] + b"=="))
    return {
        "nothing": b"",
        "alg none": unsigned({"alg": "none"}, claims),
        "HS256 with the public key": signed_with_the_public_key(real),
        "another key": token(claims, private_key("another")),
        "expired": token({**claims, "iat": now - 900_000, "exp": now - 600_000}),
        "issued in the future": token({**claims, "iat": now + 3600}),
        "not before tomorrow": token({**claims, "nbf": now + 86_400}),
        "a changed payload": real.replace(real[200:204], b"AAAA", 1),
        "a key of its own in the header": token(
            claims, private_key("another"), headers={"jwk": {"kty": "RSA"}, "x5u": "https://evil.example/k"}
        ),
        "zeros": b"\0" * 100_000,
        "dots": b"." * 100_000,
        "brackets as a header": base64.b64encode(b"[" * 1500) + b".e30.e30",
    }


async def test_no_forgery_is_believed_and_genuine_junk_is_kept_for_a_person(daemon: Daemon) -> None:
    for name, body in forgeries(site(daemon)).items():
        answer = await post(daemon, body)
        assert answer.status_code == 401, name
    assert not heard(daemon, "f0000000-0000-4000-8000-000000000001")
    junk = [
        b"[" * 400_000,
        b'{"data":' + b'"' * 9,
        b"1e999",
        b'{"data": "' + b"\\u0000" * 1000 + b'"}',
        b"\xff" * 99,
    ]
    nested: Any = "deep"
    for _ in range(12):
        nested = json.dumps(nested)
    for payload in [
        *junk,
        json.dumps({"data": nested}).encode(),
        b'{"data":' + b'{"a":' * 9_000 + b"1" + b"}" * 9_001,
    ]:
        assert (await post(daemon, genuine(payload))).status_code == 200
    assert len(daemon.query("SELECT 1 FROM rejected")) == len(junk) + 2
    assert (await post(daemon, event(site(daemon), id="a" * 8))).status_code == 200
    assert heard(daemon, "a" * 8)
    assert "Traceback" not in "".join(daemon.log)


def peak(daemon: Daemon) -> int:
    """Bytes of memory that the process ever held at once, since ``forget_peak``."""
    assert daemon.process is not None
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def forget_peak(daemon: Daemon) -> int:
    """Starts the measurement; what the process holds now."""
    assert daemon.process is not None
    Path(f"/proc/{daemon.process.pid}/clear_refs").write_text("5")
    return peak(daemon)


async def zeros(mebibytes: int) -> AsyncIterator[bytes]:
    for _ in range(16 * mebibytes):
        yield bytes(MEBIBYTE // 16)


async def pour(daemon: Daemon, path: str, mebibytes: int, headers: dict[str, str]) -> int | None:
    """Send zeros, whatever the answer; its status, or None where the connection was cut."""
    try:
        async with httpx.AsyncClient(base_url=daemon.address, timeout=60) as client:
            return (await client.post(path, content=zeros(mebibytes), headers=headers)).status_code
    except httpx.TransportError:
        return None


@pytest.mark.slow
@pytest.mark.rare
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured as Linux tells it")
async def test_a_hundred_megabytes_of_zeros_do_not_reach_the_memory(daemon: Daemon) -> None:
    await post(daemon, b"warm")
    before = forget_peak(daemon)
    declared = {"content-length": str(100 * MEBIBYTE)}
    assert await pour(daemon, "/webhooks/wix", 100, declared) == 413
    assert await pour(daemon, "/webhooks/wix", 100, {}) == 413
    for path in ("/u/nobodys.token", "/", "/healthz"):
        assert await pour(daemon, path, 100, {}) in {403, 404, 405, None}
    several = await asyncio.gather(*(pour(daemon, "/webhooks/wix", 20, {}) for _ in range(8)))
    assert set(several) <= {413, 503}
    grown = (peak(daemon) - before) / MEBIBYTE
    print(f"\n660 MB of zeros: the process grew by {grown:.1f} MiB at its peak")
    assert grown < 32
    assert (await post(daemon, event(site(daemon)))).status_code == 200


@pytest.mark.slow
async def test_bodies_that_never_end_are_given_up_and_delay_nobody(daemon: Daemon) -> None:
    host, _, port = daemon.address.removeprefix("http://").rpartition(":")

    async def drip() -> bytes:
        """One byte after the other until there is an answer; its first line."""
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /webhooks/wix HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        answered = asyncio.create_task(reader.readline())
        while not answered.done():
            writer.write(b"a")
            await asyncio.wait([answered], timeout=0.2)
        writer.close()
        return await answered

    began = time.monotonic()
    drips = [asyncio.create_task(drip()) for _ in range(50)]
    assert await _acknowledged(daemon, "drip") < WIX_SECONDS
    assert {line.split()[1] for line in await asyncio.gather(*drips)} == {b"503"}
    assert time.monotonic() - began > 9


async def _acknowledged(daemon: Daemon, account: str) -> float:
    """Seconds until a genuine event was acknowledged: the quickest of five, since the machine has others to serve."""
    seconds = []
    for number in range(5):
        body = event(site(daemon), id=f"{account}-{number}")
        began = time.monotonic()
        assert (await post(daemon, body)).status_code == 200
        seconds.append(time.monotonic() - began)
        assert heard(daemon, f"{account}-{number}")
    return min(seconds)


CONNECTIONS = 10_000


@pytest.fixture
def files() -> Iterator[None]:
    """As many open files as ten thousand connections take at this end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + 1000
    # The daemon spends half of its files on connections.
    if hard != resource.RLIM_INFINITY and hard < 2 * CONNECTIONS:
        pytest.skip(f"this system allows a process {hard} open files, and the daemon wants {2 * CONNECTIONS}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
@pytest.mark.rare
@pytest.mark.timeout(300)
async def test_ten_thousand_open_connections_do_not_keep_an_event_out(daemon: Daemon, files: None) -> None:
    host, _, port = daemon.address.removeprefix("http://").rpartition(":")
    async with AsyncExitStack() as stack:
        gate = asyncio.Semaphore(200)

        async def visit() -> asyncio.StreamReader:
            # A whole request first, since silence would be cut off: such a connection may stay for 75 seconds.
            async with gate:
                reader, writer = await asyncio.open_connection(host, int(port))
                stack.callback(writer.close)
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                await reader.readuntil(b"alive\n")
            return reader

        readers = await asyncio.gather(*(visit() for _ in range(CONNECTIONS)))
        open_now = sum(not reader.at_eof() for reader in readers)
        seconds = await _acknowledged(daemon, "crowd")
        print(f"\n{open_now} connections open: an event is acknowledged in {seconds:.3f} s")
        assert open_now > 0.99 * CONNECTIONS
        assert seconds < WIX_SECONDS
