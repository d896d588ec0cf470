"""Settings: a YAML file, then DADNS_ variables, then secrets from files. All problems are told at once.

The original's keys and variables work unchanged. `file` reads the YAML, `variables` puts the environment over it,
`settings` holds the models, `rules` what no single key can know; `load` puts them together.
"""

from __future__ import annotations

from directdnsonly.config.load import find_file, load
from directdnsonly.config.settings import DnsSettings, Settings
from directdnsonly.config.variables import NOT_SETTINGS, read_secret

__all__ = ["NOT_SETTINGS", "DnsSettings", "Settings", "find_file", "load", "read_secret"]
