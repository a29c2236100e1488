"""Whether an event of another program is genuine. Compared in constant time."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

from milestones.config.external_calls import SignatureTable
from milestones.formats import untrusted


def is_genuine(table: SignatureTable, headers: Mapping[str, str], url: str, body: bytes) -> bool:
    """Whether the body carries the signature of its program. url: the address that was configured there; behind a proxy
    the one that is seen is another. headers: by names in small letters. Raises UsageError without a secret.
    """
    given = headers.get(table.header.lower(), "")
    secret = table.secret.get_secret_value()
    if table.type == "token":
        return hmac.compare_digest(given.encode(), (table.prefix + secret).encode())
    signed = _signed(table, url, body)
    if signed is None:
        return False
    digest = hmac.new(secret.encode(), signed, getattr(hashlib, table.algorithm)).digest()
    expected = digest.hex() if table.encoding == "hex" else base64.b64encode(digest).decode()
    return hmac.compare_digest(given.encode(), (table.prefix + expected).encode())


def _signed(table: SignatureTable, url: str, body: bytes) -> bytes | None:
    if table.over == "url_and_body":
        return url.encode() + body
    if table.over == "body":
        return body
    try:
        return json.dumps(untrusted.parse(body), separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, UnicodeEncodeError):
        return None
