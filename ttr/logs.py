"""Log lines: one format for every process, to standard output, where `ttr up` or the platform collects them."""

import logging
import sys


def set_up(level: str) -> None:
    """Log from `level` on. Libraries speak up from WARNING on: what they say below that is not about checks."""
    logging.basicConfig(
        stream=sys.stdout, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s"
    )
    for name in ("ttr", "rq_jobs"):
        logging.getLogger(name).setLevel(level)
