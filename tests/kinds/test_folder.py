from pathlib import Path

import pytest

from milestones.errors import MailError
from milestones.kinds.email.folder import FolderTransport
from milestones.kinds.email.transport import Carried

ID = "<0123abcd@example.com>"


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def _folders_with_mail(folder: Path) -> set[Path]:
    return {file.parent for file in folder.rglob("*.eml")}


async def sent(transport: FolderTransport, message: bytes, message_id: str = ID) -> None:
    await transport.send(message, message_id=message_id, sender="a@b.example", recipient="c@d.example")


async def test_a_mail_becomes_one_file_that_can_be_read_again(tmp_path: Path) -> None:
    transport = FolderTransport(tmp_path / "mail")
    await sent(transport, b"Subject: one\r\n\r\n")
    assert _folders_with_mail(tmp_path) == {tmp_path / "mail"}
    assert await transport.read(ID) == b"Subject: one\r\n\r\n"
    await transport.aclose()


async def test_a_repeated_mail_replaces_itself(tmp_path: Path) -> None:
    transport = FolderTransport(tmp_path)
    await sent(transport, b"first")
    await sent(transport, b"second")
    assert len(_files(tmp_path)) == 1
    assert await transport.read(ID) == b"second"


async def test_the_folder_knows_what_became_of_a_mail(tmp_path: Path) -> None:
    transport = FolderTransport(tmp_path)
    assert await transport.was_carried(ID) is Carried.NO
    assert await transport.read(ID) is None
    await sent(transport, b"mail")
    assert await transport.was_carried(ID) is Carried.YES


async def test_half_a_mail_counts_as_none(tmp_path: Path) -> None:
    transport = FolderTransport(tmp_path)
    await sent(transport, b"mail")
    (whole,) = _files(tmp_path)
    whole.rename(whole.with_suffix(".partial"))
    assert await transport.was_carried(ID) is Carried.NO
    # Its customer may be erased before anything else is written under this name.
    assert _files(tmp_path) == []


async def test_a_message_id_cannot_leave_the_folder(tmp_path: Path) -> None:
    transport = FolderTransport(tmp_path / "mail")
    await sent(transport, b"mail", "<../../../etc/passwd\0@example.com>")
    assert await transport.read("<../../../etc/passwd\0@example.com>") == b"mail"
    assert _folders_with_mail(tmp_path) == {tmp_path / "mail"}


async def test_a_folder_that_cannot_be_written_is_of_the_channel_and_not_of_the_mail(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file in the way")
    with pytest.raises(MailError, match="cannot be written") as caught:
        await sent(FolderTransport(tmp_path / "mail"), b"mail")
    assert caught.value.connection_wide
    assert not caught.value.permanent
    assert not caught.value.lost


async def test_a_mail_that_is_deleted_is_gone_with_what_was_left_of_it(tmp_path: Path) -> None:
    transport = FolderTransport(tmp_path)
    await sent(transport, b"Subject: one")
    [file] = _files(tmp_path)
    file.with_suffix(".partial").write_bytes(b"Subj")
    await transport.delete(ID)
    await transport.delete(ID)
    assert _files(tmp_path) == []


async def test_a_mail_that_cannot_be_deleted_is_said_so(tmp_path: Path) -> None:
    transport = FolderTransport(tmp_path)
    await sent(transport, b"Subject: one")
    [file] = _files(tmp_path)
    file.unlink()
    file.mkdir()
    with pytest.raises(MailError, match="cannot be deleted"):
        await transport.delete(ID)
