"""Settings: a YAML file, then DADNS_ variables, then secrets from files. All problems are told at once.

`file` reads the YAML, `variables` puts the environment over it, `original` makes ours of the original's keys, `starter`
says who starts us, `settings` holds the models, `rules` what no single key can know; `load` puts them together.
"""

from __future__ import annotations

from directdnsonly.config.load import find_file, load
from directdnsonly.config.settings import DnsSettings, Settings
from directdnsonly.config.starter import Starter
from directdnsonly.config.variables import NOT_SETTINGS, read_secret

__all__ = ["NOT_SETTINGS", "DnsSettings", "Settings", "Starter", "find_file", "load", "read_secret"]
