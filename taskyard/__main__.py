"""`python -m taskyard`: the command line where the script of that name is not on the path."""

from __future__ import annotations

import sys

from taskyard.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
