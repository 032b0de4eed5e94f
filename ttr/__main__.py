"""`python -m ttr` is `ttr`."""

import sys

from ttr.cli import main

if __name__ == "__main__":
    sys.exit(main())
