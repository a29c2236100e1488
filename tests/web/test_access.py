import base64

import httpx
import pytest
from argon2 import PasswordHasher

from milestones.config.web_addresses import is_loopback
from milestones.errors import ConfigurationError
from milestones.web.access import Access
from milestones.web.app import create_app
from milestones.web.password import Password
from tests.web.house import PASSWORD, House

LOCAL = "http://127.0.0.1:8080"
PUBLIC = "https://points.shop.example"


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


def quick(password: str) -> Password:
    """A stored password that costs nothing to verify."""
    hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return Password(hasher.hash(password))


async def status(access: Access, host: str = "127.0.0.1:8080", path: str = "/", **headers: str) -> int:
    return (await answer(access, host, path, **headers)).status_code


async def answer(
    access: Access, host: str = "127.0.0.1:8080", path: str = "/", **headers: str
) -> httpx.Response:
    transport = httpx.ASGITransport(create_app(House(access=access).services()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await client.get(path, headers={"host": host, **named})


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "127.0.0.1", "LOCALHOST"])
async def test_without_a_password_the_person_at_the_machine_may_look(host: str) -> None:
    assert await status(Access("127.0.0.1", LOCAL), host) == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "192.168.1.5:8080", "", "[", "a b"]
)
async def test_without_a_password_no_other_name_leads_here(host: str) -> None:
    assert await status(Access("127.0.0.1", LOCAL), host) == 403


@pytest.mark.parametrize(
    ("listen", "public_url"),
    [("0.0.0.0", LOCAL), ("192.168.1.5", LOCAL), ("::", LOCAL), ("127.0.0.1", PUBLIC), ("127.0.0.1", "")],
)
@pytest.mark.parametrize("path", ["/", "/happenings", "/mails/x", "/mails/x/html"])
async def test_without_a_password_nothing_is_shown_beyond_this_machine(
    listen: str, public_url: str, path: str
) -> None:
    response = await answer(Access(listen, public_url), path=path)
    assert response.status_code == 403
    assert "milestones password" in response.text


@pytest.mark.parametrize("header", ["x_forwarded_for", "forwarded", "x_real_ip", "via"])
async def test_without_a_password_nothing_is_shown_through_a_proxy(header: str) -> None:
    assert await status(Access("127.0.0.1", LOCAL), **{header: "203.0.113.7"}) == 403


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/assets/page.css"])
async def test_machines_are_answered_all_the_same(path: str) -> None:
    assert await status(Access("0.0.0.0", PUBLIC), "10.0.0.7:8080", path) == 200


PROTECTED = Access("0.0.0.0", PUBLIC, lambda: quick(PASSWORD))


async def test_with_a_password_the_browser_is_asked_for_it() -> None:
    response = await answer(PROTECTED)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    "host", ["points.shop.example", "127.0.0.1:8080", "192.168.1.5:8080", "[fd00::1]:8080"]
)
async def test_with_the_password_one_may_look_from_anywhere(host: str) -> None:
    assert await status(PROTECTED, host, authorization=basic(PASSWORD)) == 200


async def test_a_strange_name_is_refused_even_with_the_password() -> None:
    assert await status(PROTECTED, "evil.example", authorization=basic(PASSWORD)) == 403


@pytest.mark.parametrize(
    "authorization",
    [
        basic("wrong"),
        basic(""),
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff:\xff").decode(),
        "Bearer " + PASSWORD,
    ],
)
async def test_wrong_credentials_are_no_credentials(authorization: str) -> None:
    assert await status(PROTECTED, authorization=authorization) == 401


async def test_the_slow_verification_runs_once_for_a_right_password_and_each_time_for_a_wrong_one() -> None:
    asked: list[str] = []

    class Counted(Password):
        def verify(self, password: str) -> bool:
            asked.append(password)
            return password == PASSWORD

    access = Access("0.0.0.0", PUBLIC, lambda: Counted(""))
    for password in (PASSWORD, PASSWORD, "wrong", "wrong", PASSWORD):
        await status(access, authorization=basic(password))
    assert asked == [PASSWORD, "wrong", "wrong"]


async def test_a_new_password_is_in_force_at_once_and_the_former_one_no_more() -> None:
    stored: list[Password | None] = [None]
    access = Access("127.0.0.1", LOCAL, lambda: stored[0])
    assert await status(access) == 200
    stored[0] = quick("the first one")
    assert await status(access) == 401
    assert await status(access, authorization=basic("the first one")) == 200
    stored[0] = quick("the second one")
    assert await status(access, authorization=basic("the first one")) == 401
    assert await status(access, authorization=basic("the second one")) == 200


async def test_where_it_cannot_be_told_whether_there_is_a_password_nobody_may_look() -> None:
    def damaged() -> Password | None:
        raise ConfigurationError(["daemon.password_file: /secret/place/password is open to other users."])

    response = await answer(Access("127.0.0.1", LOCAL, damaged), authorization=basic(PASSWORD))
    assert response.status_code == 403
    assert "/secret/place" not in response.text


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("localhost.", True),
        ("127.999.1.1", False),
        ("shop.localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_which_hosts_are_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
