"""The client for HTTP, by what the environment says of certificates and proxies."""

import os
from collections.abc import Mapping
from typing import Any

import httpx

from milestones.errors import ConfigurationError

HERE: Mapping[str, None] = {"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None}
"""What is on this machine is reached without the proxies of the environment, which cannot reach it."""

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def create_client(**settings: Any) -> httpx.AsyncClient:
    """A client that follows no redirect. settings: further ones of httpx.

    Raises ConfigurationError where the environment names certificates or a proxy that cannot be used.
    """
    try:
        return httpx.AsyncClient(follow_redirects=False, mounts=HERE, **settings)
    except OSError as error:
        # That of OpenSSL is one too.
        what = f"certificates that cannot be used ({error.strerror or error}); correct it"
        raise _refusal(_CERTIFICATES, what) from None
    except (ValueError, ImportError, httpx.InvalidURL):
        raise _refusal(
            _PROXIES, "a proxy that cannot be used; write one such as http://proxy.example.com:3128"
        ) from None


def _refusal(variables: tuple[str, ...], what: str) -> ConfigurationError:
    # Which of them it is, OpenSSL and httpx do not tell.
    names = [name for name in (*variables, *map(str.lower, variables)) if os.environ.get(name)]
    return ConfigurationError([f"{' or '.join(names) or 'The environment'}: names {what}, or unset it."])
