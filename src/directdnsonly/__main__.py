"""`python -m directdnsonly` is `dadns`."""

from __future__ import annotations

from directdnsonly.cli import main

if __name__ == "__main__":
    main()
