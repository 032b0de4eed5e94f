"""Everything on a real Redis Cluster: what the product is for, and nodes that die, change places and give slots away
while jobs ping. Acknowledged pings are compared with what Redis has counted."""

import asyncio
import http.client
import json
import os
import signal
import socket
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import pytest
from redis import Redis
from redis.crc import key_slot

from tests.cluster import Cluster, Node, running_cluster
from tests.journeys.client import Account, call, sign_up, until
from tests.journeys.pinging import Job, Pingers
from tests.journeys.receiver import Receiver
from tests.journeys.stack import Stack
from ttr.now import now_ms
from ttr.store import keys
from ttr.store.access_keys import user_by_key
from ttr.store.redis import open_store
from ttr.store.sessions import open_session
from ttr.web.security import SESSION_COOKIE

_SETTLED_SECONDS = 60
_LOST_WITHIN = 1.0
"""What replication may lose: at most what was answered in this time before the kill."""
_CLIENTS = 3
_TTR = ("web", "clock", "worker")


@contextmanager
def installation(folder: Path, *options: str, replicas: int = 1) -> Iterator[tuple[Cluster, Stack]]:
    """A cluster, a queue of its own, and one of each process."""
    with (
        running_cluster(folder, *options, replicas=replicas, node_timeout_ms=3_000) as cluster,
        Stack(own_queue=True, REDIS_URL=url_of(cluster), REDIS_CLUSTER="true") as stack,
    ):
        yield cluster, stack


def url_of(cluster: Cluster) -> str:
    """REDIS_URL: its nodes, any of which may be away when a process starts."""
    return f"redis://{','.join(node.name for node in cluster.nodes)}"


@pytest.fixture(scope="module")
def whole() -> Iterator[tuple[Cluster, Stack]]:
    """With a replica for each primary; whoever breaks something mends it."""
    with tempfile.TemporaryDirectory(prefix="ttr-") as folder, installation(Path(folder)) as running:
        yield running


@pytest.fixture
def cluster(whole: tuple[Cluster, Stack]) -> Cluster:
    """Its servers; what a test that failed left dead or held is started again."""
    running, stack = whole
    for node in running.nodes:
        node.process.send_signal(signal.SIGCONT)
    ended = [node for node in running.nodes if node.process.poll() is not None]
    for node in ended:
        node.start()
    if ended:
        until(lambda: healthy(stack) and running.is_whole(), _SETTLED_SECONDS)
    return running


@pytest.fixture
def stack(whole: tuple[Cluster, Stack]) -> Stack:
    """Its processes, which nothing may end."""
    return whole[1]


def slots(cluster: Cluster) -> dict[int, Node]:
    """Who serves each slot now, as a node that runs tells."""
    asked = next(node for node in cluster.nodes if node.process.poll() is None)
    found = {}
    for line in asked.ask("CLUSTER", "NODES").decode().splitlines():
        (
            _,
            address,
            flags,
            *_,
        ) = line.split()
        port = int(address.split("@")[0].rsplit(":", 1)[1])
        node = next(node for node in cluster.nodes if node.port == port)
        for span in line.split()[8:]:
            if "master" in flags and "fail" not in flags and not span.startswith("["):
                first, _, last = span.partition("-")
                found.update(dict.fromkeys(range(int(first), int(last or first) + 1), node))
    return found


def user_of(cluster: Cluster, account: Account) -> int:
    """The account's number."""
    name = keys.user_slug(account.user_slug)
    return int(slots(cluster)[key_slot(name.encode())].ask("GET", name))


def slot_of(cluster: Cluster, account: Account) -> int:
    """The slot of the account's partition."""
    return key_slot(keys.prefix(keys.partition_of(user_of(cluster, account))).encode())


def accounts_by_node(cluster: Cluster, stack: Stack, each: int = 1) -> dict[int, list[Account]]:
    """New accounts, by the port of the node that serves them: `each` for every primary."""
    serving = slots(cluster)
    found: dict[int, list[Account]] = {port: [] for port in {node.port for node in serving.values()}}
    while any(len(some) < each for some in found.values()):
        account = sign_up(stack.port)
        port = serving[slot_of(cluster, account)].port
        if len(found[port]) < each:
            found[port].append(account)
    return found


def load(accounts: list[Account], receiver: Receiver, count: int = _CLIENTS) -> list[list[Job]]:
    """Clients and their jobs: each client has one in every account, and none of them expects a ping for an hour."""
    clients: list[list[Job]] = [[] for _ in range(count)]
    for account in accounts:
        for number, jobs in enumerate(clients):
            job = Job(account, f"job-{number}")
            account.add(job.slug, receiver.url(f"/{account.user_slug}"), interval_seconds=3_600)
            jobs.append(job)
    return clients


def counted(job: Job) -> int:
    """The pings that Redis has counted."""
    return int(job.account.show(job.slug)["ping_count"])


def nothing_died(stack: Stack) -> None:
    """The processes that were started first still run."""
    assert {name: Path(f"/proc/{stack.pid(name)}").exists() for name in _TTR} == dict.fromkeys(_TTR, True)
    for name in _TTR:
        os.kill(stack.pid(name), 0)
        assert not stack.has_ended(name), name


def each_told_once(receiver: Receiver, path: str, expected: Mapping[str, list[str]]) -> None:
    """What came at `path`: the statuses of each check in order, each event under one key, each key once."""
    until(lambda: len(_events(receiver, path)) >= sum(map(len, expected.values())), _SETTLED_SECONDS)
    found = defaultdict(list)
    for event in _events(receiver, path):
        found[event["check_slug"]].append(event["status"])
    assert found == expected
    assert set(Counter(arrival.key for arrival in receiver.arrivals(path)).values()) <= {1}


def _events(receiver: Receiver, path: str) -> list[dict[str, Any]]:
    return [event for arrival in receiver.arrivals(path) for event in arrival.body["events"]]


def balance(pingers: Pingers, jobs: list[Job]) -> dict[Job, int]:
    """By job, how many acknowledged pings Redis does not have; none is there twice."""
    lost = {}
    for job in jobs:
        taken, there = len(pingers.taken[job]), counted(job)
        assert there <= taken + pingers.not_taken(job), (job.slug, there, taken)
        lost[job] = max(0, taken - there)
    return lost


@pytest.mark.timeout(240)
def test_the_main_journey_on_every_node(cluster: Cluster, stack: Stack, receiver: Receiver) -> None:
    for port, (account,) in accounts_by_node(cluster, stack).items():
        hook = f"/node-{port}"
        account.add("backup", receiver.url(hook))
        account.ping("backup")
        down = receiver.wait(hook, 1, within=30)[0]
        assert (down.body["status"], down.body["reason"]) == ("down", "overdue")
        account.ping("backup", "/start")
        account.ping("backup")
        up = receiver.wait(hook, 2, within=30)[1]
        assert up.body["status"] == "up"
        account.api("POST", "/checks/backup/pause")
        assert [check["slug"] for check in account.api("GET", "/checks")["items"]] == ["backup"]
    nothing_died(stack)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_ten_primaries_that_are_killed(cluster: Cluster, stack: Stack) -> None:
    for _ in range(10):
        with Receiver() as receiver:
            kill_a_primary(cluster, stack, receiver, clients=12)


@pytest.mark.timeout(300)
def test_a_primary_that_is_killed_under_load_loses_no_more_than_its_last_moment(
    cluster: Cluster, stack: Stack, receiver: Receiver
) -> None:
    kill_a_primary(cluster, stack, receiver, clients=_CLIENTS)


@pytest.mark.timeout(300)
def test_a_primary_that_hangs_under_load_is_replaced_as_a_dead_one(
    cluster: Cluster, stack: Stack, receiver: Receiver
) -> None:
    kill_a_primary(cluster, stack, receiver, clients=_CLIENTS, hangs=True)


def kill_a_primary(
    cluster: Cluster, stack: Stack, receiver: Receiver, clients: int, *, hangs: bool = False
) -> None:
    """One dies, or `hangs`: its connections stay and nothing answers, while so many clients ping and checks fall
    silent; its replica takes over, and it comes back as one."""
    until(lambda: all(is_in_step(node) for node in cluster.nodes), _SETTLED_SECONDS)
    by_node = accounts_by_node(cluster, stack)
    accounts = [account for some in by_node.values() for account in some]
    pinging = load(accounts, receiver, clients)
    jobs = [job for some in pinging for job in some]
    dying = serving_of(cluster, accounts[-1])
    with Pingers(pinging) as pingers, Stream(cluster, accounts[-1]) as stream:
        until(lambda: all(len(pingers.taken[job]) > 20 for job in jobs), _SETTLED_SECONDS)
        until(lambda: stream.changes, _SETTLED_SECONDS)
        killed_at = time.monotonic()
        if hangs:
            dying.process.send_signal(signal.SIGSTOP)
        else:
            dying.kill()
        for account in accounts:  # they fall silent meanwhile
            account_is_added(account, receiver)
        until(lambda: cluster.is_whole(without=dying), _SETTLED_SECONDS)
        back_at = time.monotonic()
        until(lambda: all(pingers.since(job, back_at) > 5 for job in jobs), _SETTLED_SECONDS)
        # A page that was open all the time hears of changes by the stream that it had.
        heard = stream.changes
        until(lambda: stream.changes > heard + 3, _SETTLED_SECONDS)
    for account in accounts:
        each_told_once(receiver, f"/{account.user_slug}", {"silent": ["down"]})
    lost = balance(pingers, jobs)
    there = [job for job in jobs if job.account in by_node[dying.port]]
    assert not any(lost[job] for job in jobs if job not in there)
    last = sum(killed_at - _LOST_WITHIN <= at <= killed_at for job in there for at in pingers.taken[job])
    assert sum(lost.values()) <= last
    report(f"{sum(lost.values())} lost, whole after {back_at - killed_at:.1f} s", pingers)
    nothing_died(stack)
    if hangs:
        dying.process.send_signal(signal.SIGCONT)
    else:
        dying.start()
    until(lambda: healthy(stack) and cluster.is_whole(), _SETTLED_SECONDS)


class Stream:
    """An open page of an account that shows its first check: the changes of which it is told, over one connection."""

    def __init__(self, cluster: Cluster, account: Account) -> None:
        self.changes = 0
        cookie = asyncio.run(session_of(cluster, account))
        self._http = http.client.HTTPConnection("127.0.0.1", account.port, timeout=30)
        check = account.show("job-0")["id"]
        self._http.request("GET", f"/events?rows={check}", headers={"Cookie": f"{SESSION_COOKIE}={cookie}"})
        self._socket = self._http.sock
        self._answer = self._http.getresponse()
        assert self._answer.status == 200
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._answer.close()
        self._socket.close()
        self._http.close()

    def _listen(self) -> None:
        with suppress(OSError, http.client.HTTPException):
            for line in self._answer:
                self.changes += line.startswith(b"event: check-")


async def session_of(cluster: Cluster, account: Account) -> str:
    """A session that is logged in to the account."""
    async with open_store(url_of(cluster), cluster=True) as store:
        user = await user_by_key(store, account.auth_key)
        assert user
        return await open_session(store, user, now_ms())


def is_in_step(node: Node) -> bool:
    """Whether a replica has all that its primary has, or a primary a replica: else nobody takes its place."""
    told = node.ask("INFO", "replication").decode()
    return "master_link_status:up" in told if "role:slave" in told else "state=online" in told


def account_is_added(account: Account, receiver: Receiver) -> None:
    """A check that never pings and is overdue in two seconds; asked again while a node is away.

    A call that was refused or not answered may have been carried out, so the check may be there at the next one.
    """
    refused: list[object] = []

    def is_done(what: Callable[[], object]) -> bool:
        try:
            what()
        except (AssertionError, OSError, http.client.HTTPException) as error:
            refused.append(error)
            return False
        return True

    def make() -> None:
        if "silent" not in [check["slug"] for check in account.api("GET", "/checks")["items"]]:
            account.add("silent", interval_seconds=3_600)

    def give_webhook() -> None:
        url = receiver.url(f"/{account.user_slug}")
        account.api("PUT", "/checks/silent/webhook", webhook_url=url, webhook_enabled=True)

    def shorten() -> None:  # now that somebody is told
        account.api("PATCH", "/checks/silent", interval_seconds=1)

    for step in (make, give_webhook, shorten):
        until(lambda step=step: is_done(step), _SETTLED_SECONDS, refused)


def serving_of(cluster: Cluster, account: Account) -> Node:
    """The node that serves an account."""
    return slots(cluster)[slot_of(cluster, account)]


def healthy(stack: Stack) -> bool:
    """Whether nothing is missing."""
    status, answer = call(stack.port, "GET", "/health")
    return status == 200 and json.loads(answer)["status"] == "ok"


@pytest.mark.timeout(240)
def test_a_planned_failover_under_load_loses_nothing(
    cluster: Cluster, stack: Stack, receiver: Receiver
) -> None:
    accounts = [account for some in accounts_by_node(cluster, stack).values() for account in some]
    clients = load(accounts, receiver)
    jobs = [job for some in clients for job in some]
    with Pingers(clients) as pingers:
        until(lambda: all(len(pingers.taken[job]) > 20 for job in jobs), _SETTLED_SECONDS)
        slot = slot_of(cluster, accounts[0])
        before = slots(cluster)[slot]
        until(lambda: all(is_in_step(node) for node in cluster.nodes), _SETTLED_SECONDS)
        replica_of(cluster, before).ask("CLUSTER", "FAILOVER")
        # Nothing is asked of the accounts meanwhile: nodes disagree on where they are.
        until(lambda: slots(cluster).get(slot) not in (None, before), _SETTLED_SECONDS)
        until(cluster.is_whole, _SETTLED_SECONDS)
        moved_at = time.monotonic()
        until(lambda: all(pingers.since(job, moved_at) > 20 for job in jobs), _SETTLED_SECONDS)
    assert sum(balance(pingers, jobs).values()) == 0
    accounts[0].ping("job-0", "/fail")
    receiver.wait(f"/{accounts[0].user_slug}", 1, within=_SETTLED_SECONDS)
    nothing_died(stack)
    report("planned failover", pingers)


@pytest.mark.timeout(240)
def test_a_slot_that_moves_under_load_loses_nothing(
    cluster: Cluster, stack: Stack, receiver: Receiver
) -> None:
    by_node = accounts_by_node(cluster, stack)
    accounts = [account for some in by_node.values() for account in some]
    clients = load(accounts, receiver)
    jobs = [job for some in clients for job in some]
    with Pingers(clients) as pingers:
        until(lambda: all(len(pingers.taken[job]) > 20 for job in jobs), _SETTLED_SECONDS)
        slot = slot_of(cluster, accounts[0])
        there = serving_of(cluster, accounts[1])
        with moving(cluster, slot, there):
            # Scripts would find a part of their partition, so they do not run.
            until(
                lambda: any(job.account is accounts[0] for job, _ in list(pingers.refused)), _SETTLED_SECONDS
            )
        moved_at = time.monotonic()
        assert serving_of(cluster, accounts[0]) is there
        until(lambda: all(pingers.since(job, moved_at) > 20 for job in jobs), _SETTLED_SECONDS)
    # Nobody else is refused, unless accounts share the partition.
    assert {status for _, status in pingers.refused} == {503}
    assert all(slot_of(cluster, job.account) == slot for job, _ in pingers.refused)
    assert sum(balance(pingers, jobs).values()) == 0
    accounts[0].ping("job-0", "/fail")
    receiver.wait(f"/{accounts[0].user_slug}", 1, within=_SETTLED_SECONDS)
    nothing_died(stack)
    report("a slot moved", pingers)


@pytest.mark.timeout(240)
def test_a_node_that_is_away_refuses_its_own_accounts_pings_alone(receiver: Receiver) -> None:
    options = ("--cluster-require-full-coverage", "no")
    with (
        tempfile.TemporaryDirectory(prefix="ttr-") as folder,
        installation(Path(folder), *options, replicas=0) as (cluster, stack),
    ):
        serving = slots(cluster)
        # Without these no clock may judge anything.
        needed = [serving[key_slot(name.encode())] for name in (keys.web_tick(), keys.clock_tick())]
        dying = next(node for node in cluster.nodes if node not in needed)
        by_node = accounts_by_node(cluster, stack)
        (stopped,) = by_node.pop(dying.port)
        others = [
            account
            for some in by_node.values()
            for account in some
            if serving[key_slot(keys.user_slug(account.user_slug).encode())] is not dying
        ]
        while not others:  # a slug is looked up wherever its own name leads
            account = sign_up(stack.port)
            if serving[slot_of(cluster, account)] is not dying:
                name = keys.user_slug(account.user_slug)
                others += [account] * (serving[key_slot(name.encode())] is not dying)
        clients = load([stopped, *others], receiver)
        jobs = [job for some in clients for job in some]
        silent = {
            account.user_slug: account.add(
                "silent", receiver.url(f"/{account.user_slug}"), interval_seconds=5
            )["id"]
            for account in others
        }
        with Pingers(clients) as pingers:
            until(lambda: all(len(pingers.taken[job]) > 20 for job in jobs), _SETTLED_SECONDS)
            for account in others:
                account.ping("silent")
            dying.kill()
            killed_at = time.monotonic()
            until(lambda: "partitions" in missing(stack), _SETTLED_SECONDS)
            # Pings are taken elsewhere.
            there = [job for job in jobs if job.account is not stopped]
            until(lambda: all(pingers.since(job, killed_at + 3) > 5 for job in there), _SETTLED_SECONDS)
            until(lambda: time.monotonic() > killed_at + 10, 20)
            # Nothing is judged: pings of somebody whose name leads to this node are refused wherever his checks are.
            for account in others:
                assert field_of(cluster, account, silent[account.user_slug], "status") == b"up"
            dying.start()
            until(cluster.is_whole, _SETTLED_SECONDS)
            back_at = time.monotonic()
            until(lambda: all(pingers.since(job, back_at) > 5 for job in jobs), _SETTLED_SECONDS)
        refused = Counter(job.account.user_slug for (job, status), _ in pingers.refused.items() if status)
        assert set(refused) == {stopped.user_slug}
        assert {status for (_, status) in pingers.refused} <= {503}
        assert sum(balance(pingers, jobs).values()) == 0  # its file was written before it answered
        until(lambda: not missing(stack), _SETTLED_SECONDS)
        stopped.ping("job-0", "/fail")
        receiver.wait(f"/{stopped.user_slug}", 1, within=_SETTLED_SECONDS)
        for account in others:
            each_told_once(receiver, f"/{account.user_slug}", {"silent": ["down"]})
        nothing_died(stack)
        report("a node was away for 10 s", pingers)


def field_of(cluster: Cluster, account: Account, check: int, field: str) -> bytes:
    """A field of a check, as its node has it."""
    partition = keys.partition_of(user_of(cluster, account))
    return slots(cluster)[slot_of(cluster, account)].ask("HGET", keys.check(partition, check), field)


def missing(stack: Stack) -> list[str]:
    """What nobody does, as /health says; "all of it" while it can't say."""
    told = json.loads(call(stack.port, "GET", "/health")[1])["missing"]
    return ["all of it"] if told is None else list(told)


def replica_of(cluster: Cluster, primary: Node) -> Node:
    """A replica of the node, as it is now."""
    name = primary.ask("CLUSTER", "MYID").decode()
    for line in cluster.nodes[0].ask("CLUSTER", "NODES").decode().splitlines():
        _, address, _, of, *_ = line.split()
        if of == name:
            port = int(address.split("@")[0].rsplit(":", 1)[1])
            return next(node for node in cluster.nodes if node.port == port)
    raise AssertionError(f"{primary.name} has no replica")


@contextmanager
def moving(cluster: Cluster, slot: int, to: Node) -> Iterator[None]:
    """Give a slot to another primary, key by key, as redis-cli's reshard does; the block runs when it has begun."""
    source = slots(cluster)[slot]
    ids = {node.name: node.ask("CLUSTER", "MYID").decode() for node in (source, to)}
    to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source.name])
    source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to.name])
    yield
    with Redis(port=source.port) as client:
        while names := client.execute_command("CLUSTER GETKEYSINSLOT", slot, 10):
            client.execute_command("MIGRATE", "127.0.0.1", to.port, "", 0, 5_000, "KEYS", *names)
    for node in (to, source):
        node.ask("CLUSTER", "SETSLOT", slot, "NODE", ids[to.name])
    until(lambda: all(slot_owner(node, slot) == to.port for node in cluster.nodes), _SETTLED_SECONDS)


def slot_owner(node: Node, slot: int) -> int:
    """The port of who serves a slot, as a node says."""
    with Redis(port=node.port) as client:
        for first, last, primary, *_ in client.execute_command("CLUSTER SLOTS"):
            if first <= slot <= last:
                return int(primary[1])
    return 0


def report(what: str, pingers: Pingers) -> None:
    """A line for who reads."""
    refused = Counter(status for _, status in pingers.refused.elements())
    print(f"{what}: {sum(map(len, pingers.taken.values()))} pings taken, not taken {dict(refused)}")
