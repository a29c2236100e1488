"""What the machine does around the program: streams that fail, signals that come early, widths of nothing."""

import io
import os
import signal

import pytest

from milestones.cli import render
from milestones.observability import hangups
from milestones.observability.logs import Unfailing


class _Full(io.StringIO):
    def write(self, _text: str, /) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise BrokenPipeError

    def isatty(self) -> bool:
        raise ValueError("I/O operation on closed file")


@pytest.mark.parametrize("stream", [None, _Full()])
def test_a_log_that_cannot_be_written_ends_nobody_s_work(stream: io.StringIO | None) -> None:
    unfailing = Unfailing(stream)
    assert unfailing.write("line\n") == 5
    unfailing.flush()
    assert not unfailing.isatty()


def test_a_log_in_ascii_shows_what_it_cannot_spell_as_numbers() -> None:
    kept = io.BytesIO()
    stream = io.TextIOWrapper(kept, encoding="ascii")
    Unfailing(stream).write("Müller")
    stream.flush()
    assert kept.getvalue() == b"M\\xfcller"


@pytest.mark.parametrize("columns", ["0", "1", "-5", "x", ""])
def test_a_width_of_nothing_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    render.console().print("Everything agrees.")
    assert capsys.readouterr().out == "Everything agrees.\n"


def test_a_hang_up_while_it_starts_is_remembered_once() -> None:
    former = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        hangups.catch()
        os.kill(os.getpid(), signal.SIGHUP)
        assert hangups.came()
        assert not hangups.came()
    finally:
        signal.signal(signal.SIGHUP, former)
