"""Log lines: one set-up for every process and for the lines of libraries, for people (console) or machines (JSON).

A line has an event, which is a few words, and fields. Every line passes through `_redacted` and is cut, whoever wrote
it: `log = get_logger(__name__)` with fields, or the standard library's `logging` with a sentence.
"""

import io
import json
import logging
import math
import os
import re
import sys
import threading
import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from ttr import __version__
from ttr.domain.moments import iso
from ttr.noted import origin, request_id
from ttr.redaction import MASK, Redaction, names_a_secret, secrets_in
from ttr.settings import Settings, colours_asked_for

TEXT_MOST = 2_000
"""Characters of an event or a field."""
TRACE_MOST = 12_000
"""Characters of a traceback: its beginning and, twice as much, its end, which says what happened."""
LINE_MOST = 60_000
"""Bytes of a line. `ttr up` cuts what is longer than 64,000 into two."""
FIELDS_MOST = 40
# A secret that begins before a cut has to be seen whole.
_SEEN_BEYOND = 4_000
_DEPTH = 4
_NAME_MOST = 40
_ITEMS = 50
# Ids of ours or of a trusted proxy, which may look like a UUID.
_IDS = ("request", "origin")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}(,[A-Za-z0-9_-]{1,64}){0,9}")

_redaction = Redaction()
_process = ""
_pid = 0
_json = False


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger of structlog over the standard library's of this name: `log.info("check down", account=5, check=7)`."""
    # Bound at once: what stands for a logger until its first use looks it up anew at every line.
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name).bind()
    return logger


def set_up(
    settings: Settings, process: str, stream: TextIO | None = None, *, least: int = logging.NOTSET
) -> None:
    """Log from LOG_LEVEL or `least` on, as LOG_FORMAT says, to `stream` or standard output, where `ttr up` or the
    platform collects lines. `process`: web, clock, worker, sender, bot, or a command. May be called again.

    Libraries speak up from WARNING on: what they say below that is not about checks.
    """
    global _redaction, _process, _pid, _json
    _redaction = Redaction(_secrets_of(settings))
    _process, _pid, _json = process, os.getpid(), settings.logs_json
    # What no line shows; to ask for the pid took each of them two system calls.
    logging.logProcesses = logging.logMultiprocessing = logging.logThreads = False
    out = stream or sys.stdout
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(errors="backslashreplace")
    handler = _Lines(out)
    handler.setFormatter(formatter(as_json=_json, colours=_has_colours(out)))
    root = logging.getLogger()
    for other in [other for other in root.handlers if isinstance(other, _Lines)]:
        root.removeHandler(other)
    root.addHandler(handler)
    level = max(least, logging.getLevelNamesMapping()[settings.log_level])
    root.setLevel(max(level, logging.WARNING))
    for name in ("ttr", "rq_jobs"):
        logging.getLogger(name).setLevel(level)
    warnings.formatwarning = _warning
    logging.captureWarnings(True)
    sys.excepthook = _tell_end
    threading.excepthook = _tell_thread


def begin(settings: Settings, process: str) -> None:
    """Set up the log of a process that runs on, and say that it has started."""
    set_up(settings, process)
    get_logger(__name__).info("started", version=__version__)


def formatter(*, as_json: bool, colours: bool = False) -> logging.Formatter:
    """What makes a record of any logger into a line, without the line break at its end."""
    if as_json:
        return structlog.stdlib.ProcessorFormatter(processors=[_fields, _redacted, _as_json])
    console = structlog.dev.ConsoleRenderer(
        colors=colours,
        pad_level=False,
        pad_event_to=0,
        sort_keys=False,
        exception_formatter=structlog.dev.plain_traceback,
    )
    return structlog.stdlib.ProcessorFormatter(processors=[_fields, _redacted, _on_one_line, console])


def redacted(text: str) -> str:
    """A text as a line of the log may hold it, for what is printed without one."""
    return _redaction.masked(text)


def last_words(command: str, text: str) -> None:
    """Why a command ends, in a sentence: on the standard error, or as a line of the log where machines read."""
    if _json:
        get_logger(__name__).critical("ended", reason=text)
    else:
        print(f"ttr {command}: {redacted(text)}", file=sys.stderr)  # noqa: T201  # whoever typed the command reads it


class _Lines(logging.StreamHandler[TextIO]):
    """Writes lines. What the standard library prints of a line that can't be made would hold all of it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # its name there
        kind, error, _ = sys.exc_info()
        if isinstance(error, OSError | RecursionError) or kind is None:
            return
        told = logging.LogRecord(
            record.name, logging.ERROR, record.pathname, record.lineno, "a line can't be made", (), None
        )
        told.fields = {"fault": kind.__name__, "at": f"{record.filename}:{record.lineno}"}
        try:
            self.stream.write(f"{self.format(told)}\n")
        except (OSError, ValueError):
            return


def _fields(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """The line of a record, in the order in which it is read."""
    record: logging.LogRecord = line["_record"]
    told: dict[str, Any] = {
        "timestamp": iso(int(record.created * 1000)),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": line["event"],
    }
    if _process and _json:
        told |= {"process": _process, "pid": _pid}
    told |= getattr(record, "fields", {})
    # A request's own line ends with its id; others are found by it.
    if found := request_id():
        told.setdefault("request", found)
    elif found := origin():
        told.setdefault("origin", found)
    if line.get("exc_info"):
        told["exc_info"] = line["exc_info"]
        structlog.processors.format_exc_info(None, "", told)
    if line.get("stack_info"):
        told["stack"] = line["stack_info"]
    return told


def _redacted(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """The line with a MASK in place of every secret, of plain values only, and none longer than it may be."""
    kept: EventDict = {}
    texts, long = [], []
    for name, value in list(line.items())[:FIELDS_MOST]:
        if not name.isidentifier():
            name = _visible(_redaction.masked(name[:TEXT_MOST]))[:_NAME_MOST]
        if names_a_secret(name) and value not in (None, ""):
            value = MASK
        elif isinstance(value, str) and len(value) <= TEXT_MOST:
            if not (name in _IDS and _ID.fullmatch(value)):
                texts.append(name)
        elif not (isinstance(value, int) or value is None):
            value = _plain(value, _most(name))
            if isinstance(value, str):
                texts.append(name)
                long.append(name)
        kept[name] = value
    if not _redaction.clean("\n".join([kept[name] for name in texts])):
        for name in texts:
            kept[name] = _redaction.masked(kept[name])
    for name in long:
        kept[name] = _cut(kept[name], _most(name))
    return kept


def _most(name: str) -> int:
    return TRACE_MOST if name in ("exception", "stack") else TEXT_MOST


def _plain(value: object, most: int) -> object:
    """A value that JSON has: text or a number. What is more becomes text, with secrets masked in it by name."""
    if isinstance(value, float) and math.isfinite(value):
        return value
    text = value if isinstance(value, str) else _written(value, _DEPTH)
    if len(text) > most + 2 * _SEEN_BEYOND:
        half = most // 3 + _SEEN_BEYOND
        return (
            f"{text[:half]}\n{text[half - most - 2 * _SEEN_BEYOND :]}"
            if most == TRACE_MOST
            else text[: most + _SEEN_BEYOND]
        )
    return text


def _written(value: object, depth: int) -> str:
    if isinstance(value, str):
        return value[: TEXT_MOST + _SEEN_BEYOND]
    try:
        if isinstance(value, Mapping) and depth:
            pairs = [
                f"{name}={MASK if names_a_secret(str(name)) else _written(of, depth - 1)}"
                for name, of in list(value.items())[:_ITEMS]
            ]
            return ", ".join(pairs)
        if isinstance(value, list | tuple | set | frozenset) and depth:
            return ", ".join(_written(item, depth - 1) for item in list(value)[:_ITEMS])
        return str(value)
    except Exception as error:  # whatever somebody's __str__ does
        return f"<{type(value).__name__}: {type(error).__name__}>"


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    if most == TRACE_MOST:
        return f"{text[: most // 3]}\n[...]\n{text[-2 * most // 3 :]}"
    return f"{text[: most - 1]}\u2026"


def _as_json(_: WrappedLogger, __: str, line: EventDict) -> str:
    # As ASCII: nothing in it moves a terminal, and no reader takes U+2028 or U+0085 for the end of a line.
    made = json.dumps(line)
    if len(made) <= LINE_MOST:
        return made
    short = {name: line[name] for name in ("timestamp", "level", "logger")}
    return json.dumps(short | {"event": str(line["event"])[:500], "cut": len(made)})


def _on_one_line(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """For people: nothing but a traceback has more than a line, and each of its lines is set in."""
    for name, value in list(line.items()):
        if value is None:
            del line[name]
        elif isinstance(value, str) and not value.isprintable():
            line[name] = value if name in ("exception", "stack") else _visible(value)
    room = LINE_MOST // 4  # characters, of up to four bytes
    for name in [name for name, value in line.items() if isinstance(value, str)]:
        if len(line[name]) > max(room, 500):
            line[name] = f"{line[name][:500]}\u2026"
        room -= len(line[name])
    for name in ("exception", "stack"):
        if name in line:
            line[name] = "\n".join(f"    | {_visible(part)}" for part in str(line[name]).split("\n"))
    return line


def _visible(text: str) -> str:
    """What moves a terminal, breaks a line or hides is written out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _as_record(_: WrappedLogger, __: str, line: EventDict) -> Mapping[str, Any]:
    """What the standard library's logger is called with: an event and its fields, in one place where no name can meet
    one of a record's own."""
    told = {name: line.pop(name) for name in ("exc_info", "stack_info", "stacklevel") if name in line}
    return {"msg": line.pop("event"), **told, "extra": {"fields": line}}


def _has_colours(out: TextIO) -> bool:
    asked = colours_asked_for()
    return out.isatty() if asked is None else asked


def _secrets_of(settings: Settings) -> set[str]:
    """What the settings hold that no line may quote, by the names and the URLs of settings."""
    found: set[str] = set()
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, str) and (names_a_secret(name) or "://" in value):
            found |= secrets_in(value)
    return found


def _warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    if category is UserWarning:
        return str(message)
    return f"{category.__name__}: {message} ({filename}:{lineno})"


def _tell_end(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    get_logger(__name__).critical("ended by a fault", exc_info=(kind, error, trace))


def _tell_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
        told = (args.exc_type, args.exc_value, args.exc_traceback)
        get_logger(__name__).error("a thread ended by a fault", exc_info=told)


structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        _as_record,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
