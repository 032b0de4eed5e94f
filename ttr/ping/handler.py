"""The ping handler: a plain function of a parsed request, the same behind every door.

In the steady state a ping is one round trip: what was learnt of the check (its number, its schedule and content
rule as of a revision) is remembered, and the script refuses to write anything when it is out of date.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter

from ttr.address_limit import AddressLimit
from ttr.domain import content
from ttr.domain.allowance import Allowance
from ttr.domain.check_input import slug_fault
from ttr.domain.flapping import FlapRules
from ttr.domain.invalid import Invalid
from ttr.domain.metrics import RUN_SECONDS
from ttr.domain.schedule import due_interval, next_due
from ttr.domain.signal import SignalError
from ttr.logs import get_logger
from ttr.meter import observe
from ttr.ping import reply
from ttr.ping.address import PingAddress, UnknownAddress, parse_address
from ttr.ping.create import created_settings
from ttr.ping.limits import PingLimits
from ttr.ping.request import PingReply, PingRequest
from ttr.store.account_slugs import is_ping_slug
from ttr.store.checks import create_check
from ttr.store.errors import NotFound, QuotaReached, SlugTaken, StoreUnavailable, TooMany
from ttr.store.ping_log import METHODS, PingEntry
from ttr.store.pings import REQUESTS_REMEMBERED, Kept, Plan, Recorded, Target, find_target, record_ping
from ttr.store.redis import Store
from ttr.store.users import user_by_id

log = get_logger(__name__)

# 100,000 targets of about 0.5 kB: a process that hears more checks than that learns the rarest anew.
_REMEMBERED = 100_000
# A turn is lost only to an edit that lands between two round trips.
_TURNS = 8
_NOT_FOUND = "not found"


@dataclass(slots=True)
class _Known:
    """A target, and the stretch of time in which its next due time stays the same (cron only)."""

    target: Target
    due_from: int = 0
    due: int | None = None
    begun: int = 0
    """How many of its pings have been sent to be stored."""

    def begin(self) -> Callable[[], bool]:
        """Count one more; whether the script still knows it, for one that it doesn't would count twice if it is
        repeated."""
        self.begun += 1
        mine = self.begun
        return lambda: self.begun - mine < REQUESTS_REMEMBERED


class PingHandler:
    """Answers pings from one process; safe to call concurrently."""

    def __init__(
        self,
        store: Store,
        *,
        kept: Kept,
        flap: FlapRules,
        body_limit: int,
        checks_per_account: int,
        limits: PingLimits,
    ) -> None:
        self._store = store
        self._kept = kept
        self._flap = flap
        self._body_limit = body_limit
        self._checks_per_account = checks_per_account
        self._limit = limits.check
        self._addresses = AddressLimit(limits.address)
        self._strangers = AddressLimit(limits.unknown)
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()

    async def handle(self, request: PingRequest, now: int) -> PingReply:
        """The answer to one request, `now` in ms UTC. Never raises for what a client or Redis does."""
        began = perf_counter()
        as_json = "application/json" in request.accept
        if request.method == "OPTIONS":
            return reply.preflight()
        if request.method not in METHODS:
            allow = (b"allow", b"GET, HEAD, POST, PUT, OPTIONS")
            return reply.refused(405, "use GET, HEAD, POST or PUT", allow, as_json=as_json)
        if too_many := self._addresses.refuse(request.address, now):
            return reply.limited(too_many, as_json=as_json)
        try:
            address = parse_address(request.path, request.query)
            message, kind, created = await self._store_ping(address, request, now)
        except (UnknownAddress, NotFound):
            if too_many := self._strangers.refuse(request.address, now):
                return reply.limited(too_many, as_json=as_json)
            return reply.refused(404, _NOT_FOUND, as_json=as_json)
        except (SignalError, Invalid) as error:
            return reply.refused(400, str(error), as_json=as_json)
        except TooMany as error:
            return reply.limited(error.allowance, as_json=as_json)
        except QuotaReached as error:
            return reply.refused(409, str(error), as_json=as_json)
        except StoreUnavailable:
            return reply.unstored(as_json=as_json)
        except Exception:
            # A Redis that is full or can't write its file refuses the script; so would a fault of ours.
            log.exception("a ping could not be stored")
            return reply.unstored(as_json=as_json)
        return reply.stored(
            message,
            kind,
            created=created,
            as_json=as_json,
            body_limit=self._body_limit,
            seconds=perf_counter() - began,
        )

    async def _store_ping(
        self, address: PingAddress, request: PingRequest, now: int
    ) -> tuple[str, str, bool]:
        name = (address.user_slug, address.check)
        request_id = os.urandom(6).hex()  # 12 letters: ping.lua remembers four of that length
        created = False
        for _ in range(_TURNS):
            known = self._known.get(name)
            fresh = known is None
            if known is None:
                target = await find_target(
                    self._store, address.user_slug, address.check, is_uuid=address.is_uuid
                )
                if target is None:
                    raise NotFound
                # Another ping may have been first meanwhile; what is learnt of the check is learnt for both.
                known = self._known.get(name) or self._remember(name, target)
            else:
                self._known.move_to_end(name)
            plan = known.target.plan
            entry, body, note = _judge(address, request, plan, now)
            answer = await record_ping(
                self._store,
                known.target,
                entry,
                request_id=request_id,
                due=_due(known, plan, entry.kind, now),
                body=body,
                kept=self._kept,
                flap=self._flap,
                limit=self._limit,
                may_repeat=known.begin(),
            )
            match answer:
                case Recorded():
                    if answer.events:
                        account, check = known.target.user_id, answer.check_id
                        log.info(
                            "alert decided",
                            account=account,
                            check=check,
                            ping=answer.number,
                            signal=entry.kind,
                        )
                    if answer.run_ms is not None:
                        observe(RUN_SECONDS, answer.run_ms / 1000)
                    message = "Created" if created else f"OK ({note})" if note else "OK"
                    return message, entry.kind, created
                case Allowance():
                    raise TooMany(answer)
                case Plan():
                    known.target = replace(known.target, check_id=answer.check_id, plan=answer)
                    known.due_from, known.due = 0, None
                case None:
                    self._known.pop(name, None)
                    if fresh:
                        if address.create is None or address.is_uuid:
                            raise NotFound
                        created = await self._create(known.target.user_id, address, now) or created
        raise StoreUnavailable("this check is edited faster than it can be pinged")

    async def _create(self, user_id: int, address: PingAddress, now: int) -> bool:
        """Make the check that `?create=1` asks for; False when another request was first."""
        if fault := slug_fault(address.check):
            raise SignalError(f"invalid url format: {fault}")
        settings = created_settings(address.check, address.create or {}, now)
        user = await user_by_id(self._store, user_id)
        if user is None or not await is_ping_slug(self._store, user, address.user_slug, now):
            raise NotFound
        try:
            await create_check(self._store, user, settings, now=now, most=self._checks_per_account)
        except SlugTaken:
            return False
        return True

    def _remember(self, name: tuple[str, str], target: Target) -> _Known:
        known = self._known[name] = _Known(target)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known


def _judge(
    address: PingAddress, request: PingRequest, plan: Plan | None, now: int
) -> tuple[PingEntry, bytes, str]:
    """What is recorded: the log entry, the body that is kept, and what the client should hear besides OK."""
    body = request.body if request.method in ("POST", "PUT") else address.content
    size = request.size if request.method in ("POST", "PUT") else len(address.content)
    signal = address.signal
    entry = PingEntry(
        at=now,
        kind=signal.kind,
        method=request.method,
        reason=signal.reason,
        detail=signal.detail,
        rid=address.rid,
        exit_status=signal.exit_status,
        address=request.address,
        user_agent=request.user_agent,
        size=size,
        country=request.country,
    )
    if request.method == "POST" and request.user_agent.startswith("ttr/"):
        # A webhook of ours that points at a ping URL would flip its check, and with it call itself, for ever.
        return (
            replace(entry, kind="ignored", reason="", detail=""),
            body,
            "ignored: a webhook of ttr is no ping",
        )
    if plan is None:
        return entry, body, ""
    if plan.post_only and request.method != "POST":
        return (
            replace(entry, kind="ignored", reason="", detail=""),
            body,
            "ignored: this check accepts POST only",
        )
    if plan.rule and signal.kind == "success" and (fault := content.violation(plan.rule, body)):
        return replace(entry, kind="fail", reason="content", detail=fault), body, fault
    return entry, body, ""


def _due(known: _Known, plan: Plan | None, kind: str, now: int) -> int | None:
    """The due time after a ping at `now`; for calendars, computed once for the stretch in which it holds."""
    if plan is None or kind not in ("success", "fail"):
        return None
    if plan.schedule.kind == "interval":
        return next_due(plan.schedule, now)
    if not (known.due is not None and known.due_from <= now < known.due):
        known.due_from, known.due = due_interval(plan.schedule, now)
    return known.due
