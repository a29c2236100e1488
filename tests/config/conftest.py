"""A folder with templates, and a way to read a configuration that stands in it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from milestones.config import Settings, parse
from milestones.errors import ConfigurationError

SUBJECT, TEXT, HTML = "{{ milestone.title }}", "{{ coupon.code }}", '{% extends "layout.html" %}'
TEMPLATES = {
    "plain": ("Hello", "{{ customer.name }}", HTML),
    "with-coupon": (SUBJECT, TEXT, HTML),
}

BASE = """\
[wix]
sandbox = true
[mail]
sender = "Shop <shop@example.com>"
"""

MILESTONE = """\
[[milestones]]
key = "m"
title = "M"
threshold = 1000
"""

Reader = Callable[..., Settings]
Faults = Callable[..., list[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "layout.html").write_text("<p>{{ badge.title if badge is defined }}</p>{{ 3|unheard_of }}")
    for name, parts in TEMPLATES.items():
        (templates / name).mkdir()
        for file, text in zip(("subject.txt", "body.txt", "body.html"), parts, strict=True):
            (templates / name / file).write_text(text)
    return tmp_path


@pytest.fixture
def read(folder: Path) -> Reader:
    def reader(text: str, environ: Mapping[str, str] | None = None, *, secrets: bool = True) -> Settings:
        return parse(text, folder / "config.toml", environ or {}, secrets=secrets)

    return reader


@pytest.fixture
def faults(read: Reader, folder: Path) -> Faults:
    """The faults of a configuration, without the folder in their places; none if it can be read."""

    def find(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
        try:
            read(text, environ)
        except ConfigurationError as error:
            return [fault.replace(f"{folder}/", "") for fault in error.faults]
        return []

    return find
