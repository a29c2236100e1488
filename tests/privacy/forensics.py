"""Looking for somebody in files, in every form in which this program or a library may have written them down."""

import base64
import json
import quopri
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote


def forms(text: str) -> set[bytes]:
    """A text as it may stand in a file. What depends on its neighbours is cut down to what does not."""
    spellings = {text, text.casefold(), text.upper()}
    escaped = {json.dumps(one)[1:-1] for one in spellings} | {quote(one) for one in spellings}
    printable = {quopri.encodestring(one.encode(), quotetabs=False).decode() for one in spellings}
    found = {one.encode() for one in spellings | escaped | printable}
    found |= {one.encode("utf-16-le") for one in spellings}
    return found | {part for one in (text, text.casefold()) for part in _base64(one.encode())}


def _base64(raw: bytes) -> Iterator[bytes]:
    """The characters that these bytes give at each of the three places where they may begin in a longer text."""
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + raw)
        begin = (offset * 8 + 5) // 6
        end = (offset + len(raw)) * 8 // 6
        yield whole[begin:end]
        yield base64.urlsafe_b64encode(b"\0" * offset + raw)[begin:end]


def traces(texts: Iterable[str], files: Iterable[Path]) -> list[tuple[str, str]]:
    """(file, text) for every text that is found in a file, in any form."""
    contents = {path: path.read_bytes() for path in files if path.is_file()}
    wanted = [(text, forms(text)) for text in texts]
    return [
        (path.name, text)
        for path, content in contents.items()
        for text, written in wanted
        if any(form in content for form in written)
    ]


def files_of(database: Path) -> list[Path]:
    """A SQLite database and what lies beside it."""
    return sorted(database.parent.glob(f"{database.name}*"))
