"""What the environment says of certificates and proxies."""

import httpx
import pytest

from milestones.app.http import create_client
from milestones.errors import ConfigurationError

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSL_CERT_FILE", "/does/not/exist"),
        ("SSL_CERT_FILE", __file__),
        ("SSL_CERT_FILE", "/"),
        ("ALL_PROXY", "socks5://me:hunter2@proxy:1"),
        ("HTTPS_PROXY", "http://me:hunter2@proxy:port"),
        ("https_proxy", "http://me:hunter2@a:b:c"),
        ("HTTP_PROXY", "ftp://me:hunter2@proxy"),
    ],
)
def test_what_cannot_be_used_is_a_sentence_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=rf"^{variable}: names .*, or unset it\.$") as refused:
        create_client()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_what_is_on_this_machine_is_reached_without_a_proxy(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
    monkeypatch.setenv("ALL_PROXY", "http://192.0.2.1:3128")
    async with create_client() as http:
        direct = http._transport
        assert http._transport_for_url(httpx.URL(f"http://{host}:8000/")) is direct
        assert http._transport_for_url(httpx.URL("https://www.wixapis.com/")) is not direct
