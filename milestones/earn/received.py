"""A request from outside, before anybody has looked whether it is genuine."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self


@dataclass(frozen=True, slots=True)
class Received:
    """headers: by names in small letters; one that came twice has both values. body: the bytes as they came.
    url: at which it came, as the world knows it. at: when, UTC.
    """

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    url: str
    at: datetime

    @classmethod
    def of(cls, body: bytes, headers: Iterable[tuple[bytes, bytes]], url: str, at: datetime) -> Self:
        """From a request's headers as they came."""
        read: dict[str, str] = {}
        for name, value in headers:
            key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
            # Two that differ are nobody's signature, and two that are alike no time.
            read[key] = f"{read[key]}, {text}" if key in read else text
        return cls(body, read, url, at)
