"""How many examples Hypothesis tries: few in each run, more in `make check`, very many when a machine has a night."""

from hypothesis import settings

for _name, _examples in {"quick": 25, "thorough": 150, "nightly": 3000}.items():
    # On a busy machine any example may take long, and that says nothing about the program.
    settings.register_profile(_name, max_examples=_examples, deadline=None)
settings.load_profile("quick")


def of_examples(share: float) -> int:
    """A share of what the profile tries (``--hypothesis-profile``), for tests whose every example is costly."""
    assert settings.default is not None
    return max(5, int(settings.default.max_examples * share))
