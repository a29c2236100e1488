"""Logs to stderr: readable on a terminal, JSON otherwise. No line holds an address, a name or a secret."""

import logging
import sys
from contextlib import suppress
from io import TextIOBase
from typing import Literal, TextIO, cast

import structlog


class Unfailing(TextIOBase):
    """A stream whose failing ends nobody's work: the disk of the log may be full, or its reader gone.

    stream: None where the program was started without one.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str, /) -> int:
        """Write what can be written. Its encoding may lack a character; that is shown as its number."""
        with suppress(OSError, ValueError):
            if self._stream is not None:
                encoding = self._stream.encoding or "utf-8"
                self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        """Hand over what was written, if somebody takes it."""
        with suppress(OSError, ValueError):
            if self._stream is not None:
                self._stream.flush()

    def isatty(self) -> bool:
        """Whether a person reads it."""
        with suppress(OSError, ValueError):
            return self._stream is not None and self._stream.isatty()
        return False


def configure(style: Literal["auto", "text", "json"], level: str) -> None:
    """Set the format and the least level of every logger, those of libraries included."""
    stream = Unfailing(sys.stderr)
    text = style == "text" or (style == "auto" and stream.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Tracebacks of faults of this program; frames without their variables, which may hold a person's data.
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty()) if text else structlog.processors.JSONRenderer()
    )
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", stream)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries tell of their own affairs, such as the URL of every request: warnings are enough.
    root.setLevel(max(number, logging.WARNING))
