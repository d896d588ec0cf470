"""Settings from a YAML file, then DADNS_ variables, then secret files; all problems are reported at once.

`file` reads the YAML, `variables` overlays the environment, `original` converts the keys of the original directdnsonly,
`starter` says who starts us, `settings` has the models, `rules` the checks across keys; `load` puts them together.
"""

from __future__ import annotations

from directdnsonly.config.load import find_file, load
from directdnsonly.config.settings import DnsSettings, Settings
from directdnsonly.config.starter import Starter
from directdnsonly.config.variables import NOT_SETTINGS, read_secret

__all__ = ["NOT_SETTINGS", "DnsSettings", "Settings", "Starter", "find_file", "load", "read_secret"]
