"""The program as a person calls it: arguments in; exit code, stdout and stderr out."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from milestones.cli.app import main
from milestones.shipped import sample_config, templates_dir


class Called(NamedTuple):
    """What a call came to."""

    code: int
    out: str
    err: str


Call = Callable[..., Called]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    def caller(*arguments: object) -> Called:
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as exit_:
            code = exit_.code
        else:
            code = 0
        out, err = capsys.readouterr()
        return Called(code if isinstance(code, int) else 0, out, err)

    return caller


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with the sample configuration and the shipped templates. Its name has a space."""
    folder = tmp_path / "my shop"
    shutil.copytree(templates_dir(), folder / "templates")
    (folder / "config.toml").write_text(sample_config())
    return folder
