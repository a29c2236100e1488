"""The operator's password: what is kept of it, and how the command asks."""

import asyncio
import os
import stat
import sys
from functools import cache
from pathlib import Path

import pytest

from milestones.errors import ConfigurationError, UsageError
from milestones.web.password import Password, create, read, write

GOOD = "three quiet otters"
SALT = "c2FsdHNhbHRzYWx0c2FsdA"
CONFIG = '[mail]\nsender = "shop@example.com"\n[wix]\nsandbox = true\n[[sites]]\nname = "main"\n'


@cache
def good() -> Password:
    """The good password, made once: that takes time by design."""
    return create(GOOD)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A file that holds the good password."""
    path = tmp_path / "var" / "password"
    write(path, good())
    return path


def the(path: Path) -> Password:
    found = read(path)
    assert found is not None
    return found


def test_only_the_password_itself_is_recognised(kept: Path) -> None:
    assert the(kept).verify(GOOD)
    assert not the(kept).verify(GOOD + " ")
    assert not the(kept).verify("")


def test_what_is_kept_is_a_salted_hash_that_nobody_else_can_read(kept: Path) -> None:
    text = kept.read_text()
    assert text.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert "otters" not in text
    assert "otters" not in repr(the(kept))
    assert str(create(GOOD)) != text.strip(), "a salt of its own each time"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert [one.name for one in kept.parent.iterdir()] == ["password"]


def test_a_new_password_replaces_the_former_one_whatever_a_crash_left(kept: Path) -> None:
    kept.with_name("password.partial").write_text("half")
    write(kept, create("another good password"))
    assert the(kept).verify("another good password")
    assert not the(kept).verify(GOOD)


@pytest.mark.parametrize("text", ["Zwölf große Bären", "🦦" * 12, "x" * 1000, "tab\tand $dollar$ signs"])
def test_any_text_may_be_a_password(tmp_path: Path, text: str) -> None:
    write(tmp_path / "password", create(text))
    assert the(tmp_path / "password").verify(text)


@pytest.mark.parametrize("text", ["", "short", "eleven char", "x" * 1001])
def test_what_is_too_easily_guessed_or_absurd_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        create(text)


def test_no_file_is_no_password(tmp_path: Path) -> None:
    assert read(tmp_path / "password") is None


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o666, 0o644])
def test_a_file_that_others_can_open_is_refused(kept: Path, mode: int) -> None:
    kept.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read(kept)


def test_a_group_may_read_it_as_containers_hand_out_secrets(kept: Path) -> None:
    kept.chmod(0o440)
    assert the(kept).verify(GOOD)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "otters",
        "$argon2id$v=19$m=8,t=1,p=1",
        "scrypt$32768$8$3$AA==$AA==",
        f"$argon2i$v=19$m=8,t=1,p=1${SALT}${SALT}",
        f"$argon2id$v=19$m=x,t=1,p=1${SALT}${SALT}",
        f"$argon2id$v=19$m=99999999,t=1,p=1${SALT}${SALT}",
        f"$argon2id$v=19$m=8,t=1,p=1${SALT}$!",
    ],
)
def test_a_damaged_file_is_a_sentence_without_its_content(kept: Path, text: str) -> None:
    kept.write_text(text)
    with pytest.raises(ConfigurationError) as refusal:
        read(kept)
    assert "milestones password" in str(refusal.value)
    assert not text or text not in str(refusal.value)


def test_a_file_of_bytes_or_a_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "bytes").chmod(0o600)
    for name in ("bytes", "."):
        with pytest.raises(ConfigurationError, match="cannot be read"):
            read(tmp_path / name)


def test_hashes_are_compared_by_argon2_alone_whose_time_tells_nothing(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[str, bytes]] = []

    class Hasher:
        def verify(self, encoded: str, secret: bytes) -> bool:
            compared.append((encoded, secret))
            return True

    monkeypatch.setattr("milestones.web.password._HASHER", Hasher())
    assert the(kept).verify("whatever")
    assert compared == [(kept.read_text().strip(), b"whatever")]


def test_what_looks_like_a_hash_and_is_none_recognises_nobody() -> None:
    assert not Password(f"$argon2id$v=19$m=0,t=1,p=1${SALT}${SALT}").verify(GOOD)


# The command


async def ask(folder: Path, answers: str) -> tuple[int, str]:
    """Run it with these lines on standard input; exit code and all that it said."""
    config = folder / "config.toml"
    config.write_text(CONFIG)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "milestones", "password", "-c", str(config)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(answers.encode())
    assert process.returncode is not None
    return process.returncode, said.decode()


async def ask_on_terminal(folder: Path, *answers: str) -> tuple[int, str]:
    """The same with a terminal, at which each answer is typed when it is asked for."""
    (folder / "config.toml").write_text(CONFIG)
    ours, theirs = os.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "milestones", "password", "-c", str(folder / "config.toml")),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=lambda: os.login_tty(os.dup(theirs)),
    )
    os.close(theirs)
    said = ""
    for answer in answers:
        said += await asyncio.to_thread(_until_asked, ours)
        os.write(ours, answer.encode() + b"\n")
    code = await process.wait()
    said += await asyncio.to_thread(_rest, ours)
    os.close(ours)
    return code, said


def _until_asked(terminal: int) -> str:
    said = ""
    while not said.endswith(": "):
        said += os.read(terminal, 1000).decode()
    return said


def _rest(terminal: int) -> str:
    said = b""
    try:
        while chunk := os.read(terminal, 1000):
            said += chunk
    except OSError:  # how Linux says that nobody holds the other end any more
        pass
    return said.decode()


async def test_it_reads_standard_input_and_says_where_the_hash_is(tmp_path: Path) -> None:
    code, said = await ask(tmp_path, f"{GOOD}\nand more that is of no interest\n")
    assert code == 0
    assert str(tmp_path / "var" / "password") in said
    assert "otters" not in said
    assert the(tmp_path / "var" / "password").verify(GOOD)


@pytest.mark.parametrize("answers", ["", "\n", "short\n"])
async def test_what_is_too_short_changes_nothing(tmp_path: Path, answers: str) -> None:
    code, said = await ask(tmp_path, answers)
    assert (code, said.count("\n")) == (2, 1)
    assert "short" not in said
    assert not (tmp_path / "var").exists()


async def test_on_a_terminal_it_asks_twice_and_shows_nothing(tmp_path: Path) -> None:
    code, said = await ask_on_terminal(tmp_path, GOOD, GOOD)
    assert code == 0, said
    assert "otters" not in said
    assert the(tmp_path / "var" / "password").verify(GOOD)


async def test_two_different_answers_change_nothing(tmp_path: Path) -> None:
    code, said = await ask_on_terminal(tmp_path, GOOD, GOOD + "s")
    assert code == 2
    assert "differ" in said
    assert not (tmp_path / "var").exists()
