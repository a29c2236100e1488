"""What ships with the program: the mails of a new shop, and a configuration that works as it is.

Both lie in the root of the repository, where a person looks for them. The wheel carries copies inside this package
(``force-include`` in pyproject.toml).
"""

from pathlib import Path

_PACKAGE = Path(__file__).parent
_CHECKOUT = _PACKAGE.parent.parent
_PRESETS = _PACKAGE / "external"


def templates_dir() -> Path:
    """The folder of the shipped mails, ``<name>/{subject.txt,body.txt,body.html}``. To be read, never written."""
    return _home() / "templates"


def sample_config() -> str:
    """The text of the shipped ``config.toml``, comments and all."""
    return (_home() / "config.toml").read_text(encoding="utf-8")


def list_presets() -> tuple[str, ...]:
    """The programs that a preset of ``[[external]]`` ships for."""
    return tuple(sorted(path.stem for path in _PRESETS.glob("*.toml")))


def preset_text(name: str) -> str:
    """The text of a preset, comments and all."""
    return (_PRESETS / f"{name}.toml").read_text(encoding="utf-8")


def _home() -> Path:
    # In a checkout the package holds no copies, so that there is one place to edit.
    return _PACKAGE if (_PACKAGE / "config.toml").is_file() else _CHECKOUT
