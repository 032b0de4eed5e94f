"""Log lines as a process writes them, of the records that a test has caught."""

import json
import logging
from collections.abc import Iterable
from typing import Any

from ttr import logs


def told(records: Iterable[logging.LogRecord], logger: str = "") -> list[dict[str, Any]]:
    """Their lines as JSON, read; of one logger if it is named."""
    form = logs.formatter(as_json=True)
    return [json.loads(form.format(record)) for record in records if record.name.startswith(logger)]


def written(records: Iterable[logging.LogRecord], *, as_json: bool) -> list[str]:
    """What stands in the output for each."""
    form = logs.formatter(as_json=as_json)
    return [form.format(record) for record in records]
