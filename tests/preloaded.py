"""Imports all of the program, in the process of which ``tests.forks`` makes children."""

import gc
import pkgutil
from importlib import import_module
from pathlib import Path

import milestones
import wixsandbox

for _package in (milestones, wixsandbox):
    for _module in pkgutil.walk_packages(_package.__path__, f"{_package.__name__}."):
        if ".migrations" not in _module.name and not _module.name.endswith("__main__"):
            import_module(_module.name)

# The shipped templates are the largest part of what is left of a start: what they amount to is kept in memory.
assert (
    import_module("milestones.kinds.email.template_check").faults(
        Path(__file__).parent.parent / "templates", {}
    )
    == []
)

# What is here stays: a child need not look through it for what it could forget.
gc.collect()
gc.freeze()
