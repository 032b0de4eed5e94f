"""Log lines: one format for every process, to standard output, where `ttr up` or the platform collects them."""

import logging
import sys

from ttr.noted import request_id


def set_up(level: str) -> None:
    """Log from `level` on. Libraries speak up from WARNING on: what they say below that is not about checks."""
    logging.basicConfig(
        stream=sys.stdout, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s%(of_request)s"
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(name_request)
    for name in ("ttr", "rq_jobs"):
        logging.getLogger(name).setLevel(level)


def name_request(record: logging.LogRecord) -> bool:
    """Give a line the id of the request that it is about, by which its line in the access log is found."""
    found = "" if record.name == "ttr.access" else request_id()
    record.of_request = f" [{found}]" if found else ""
    return True
