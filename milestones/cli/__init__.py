"""The command line: one file for each group of commands, and ``app.py`` that knows them all."""

import sys

from milestones.observability import hangups

if sys.argv[1:2] in (["run"], ["demo"]):
    # Before anything is imported that takes time: a service manager may ask for a reload at once.
    hangups.catch()
