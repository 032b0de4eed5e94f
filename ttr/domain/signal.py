"""What a ping says: the last part of its URL, its run id, turned into one Signal. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

SignalKind = Literal["success", "start", "fail", "log"]
FailReason = Literal["", "fail", "exit_status", "signal", "content"]

# Names that systemd puts into $EXIT_STATUS when a signal ended the process, and into $SERVICE_RESULT.
_SIGNALS = frozenset(
    "HUP INT QUIT ILL TRAP ABRT IOT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP"
    " TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO POLL PWR SYS".split()
)
_REALTIME = re.compile(r"RT(MIN(\+[0-9]{1,2})?|MAX(-[0-9]{1,2})?)", re.ASCII)
_RESULTS = frozenset(
    "exit-code signal core-dump watchdog timeout protocol resources oom-kill start-limit-hit".split()
)
_RID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)


class SignalError(ValueError):
    """The URL doesn't name a signal; the text says so in plain words."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A job's word about itself; `exit_status` only where the URL gave one."""

    kind: SignalKind
    reason: FailReason = ""
    detail: str = ""
    exit_status: int | None = None


SUCCESS = Signal("success")


def parse_action(action: str) -> Signal:
    """The signal of the URL's last part: "", start, fail, log, 0-255, a signal's name or a systemd result.

    Raises SignalError for anything else.
    """
    match action:
        case "":
            return SUCCESS
        case "start":
            return Signal("start")
        case "fail":
            return Signal("fail", "fail")
        case "log":
            return Signal("log")
        case "success":
            return SUCCESS
    if action.isascii() and action.isdigit():
        status = int(action) if len(action) <= 3 else 256
        if status > 255:
            raise SignalError("invalid url format: an exit status is 0 to 255")
        if status == 0:
            return Signal("success", exit_status=0)
        return Signal("fail", "exit_status", str(status), status)
    name = action.upper().removeprefix("SIG")
    if name in _SIGNALS or _REALTIME.fullmatch(name):
        return Signal("fail", "signal", name)
    if action in _RESULTS:
        return Signal("fail", "fail", action)
    raise SignalError("invalid url format: use /start, /fail, /log or an exit status from 0 to 255")


def parse_rid(text: str) -> str:
    """A run id in canonical lower case; "" stays "". Raises SignalError unless it is a UUID in dashes."""
    if text == "":
        return ""
    lowered = text.lower()
    if not _RID.fullmatch(lowered):
        raise SignalError("invalid uuid format: rid is a UUID such as 123e4567-e89b-12d3-a456-426614174000")
    return lowered
