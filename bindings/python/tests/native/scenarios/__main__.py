"""Plays the scenario that the command line names."""

from __future__ import annotations

import sys
from collections import ChainMap

from . import costs, forks, library, signals, steps, waiting

name, *arguments = sys.argv[1:]
scenarios = ChainMap(*map(vars, (costs, forks, library, signals, steps, waiting)))
scenarios[name](*arguments)
