"""``milestones init``."""

from pathlib import Path

from milestones.config import load
from milestones.shipped import sample_config, templates_dir
from tests.cli.conftest import Call


def test_what_it_writes_works_as_it_is(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "new shop" / "here"
    assert call("init", folder).code == 0
    settings = load(folder / "config.toml", {})
    assert settings.daemon.mode == "shadow"
    assert settings.wix.sandbox
    assert settings.daemon.templates == folder / "templates"
    assert settings.daemon.database.get_secret_value() == f"sqlite:///{folder}/var/milestones.db"
    called = call("check", "--config", folder / "config.toml")
    assert called.code == 0, called.err


def test_the_templates_are_those_that_ship(call: Call, tmp_path: Path) -> None:
    call("init", tmp_path / "shop")
    for shipped in templates_dir().rglob("*.*"):
        copied = tmp_path / "shop/templates" / shipped.relative_to(templates_dir())
        assert copied.read_bytes() == shipped.read_bytes()


def test_its_configuration_is_the_sample_with_other_first_lines(call: Call, tmp_path: Path) -> None:
    call("init", tmp_path)
    written = (tmp_path / "config.toml").read_text().split("\n[daemon]\n")[1].splitlines()
    shipped = sample_config().split("\n[daemon]\n")[1].splitlines()
    assert [line for line in written if line not in shipped] == [
        next(line for line in written if line.startswith('mode = "shadow"'))
    ]
    assert "make run" not in (tmp_path / "config.toml").read_text().split("\n[daemon]\n")[0]


def test_it_overwrites_nothing(call: Call, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("mine")
    called = call("init", tmp_path)
    assert called.code == 2
    assert called.err == (
        f"{tmp_path} already has config.toml, and nothing was written. Name another folder, or move them away.\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]
    assert (tmp_path / "config.toml").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_a_sentence(call: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    called = call("init", tmp_path / "file" / "shop")
    assert called.code == 1
    assert called.err == f"{tmp_path / 'file' / 'shop'}: Not a directory.\n"


def test_the_unit_survives_odd_folder_names(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "50% $off"
    call("init", folder)
    unit = (folder / "milestones.service").read_text()
    escaped = str(tmp_path / "50%% $$off" / "config.toml")
    assert f'-m milestones run --config "{escaped}"' in unit
    assert f"WorkingDirectory={tmp_path}/50%% $off\n" in unit
