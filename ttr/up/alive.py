"""`ttr alive`: whether a process of this machine is well; the health check of a container."""

import socket

from ttr.domain.liveness import Kind, judge
from ttr.now import now_ms
from ttr.settings import Settings
from ttr.store.processes import read_processes
from ttr.store.redis import open_store


async def look(settings: Settings, kind: Kind) -> int:
    """0 if a process of that kind with this host name says that it lives and its loops go round, else 1 and why.

    A container has a host name of its own, so it is judged by its own process. Raises StoreUnavailable.
    """
    async with open_store(settings.database, cluster=settings.redis_cluster, connections=1) as store:
        live = judge(await read_processes(store), now_ms())
    host = socket.gethostname()
    here = [one for one in live.processes if one.process.kind == kind and one.process.host == host]
    if any(one.state == "well" for one in here):
        return 0
    if not here:
        print(f"No {kind} process says anything on {host}.")
    for one in here:
        loops = f": {', '.join(one.stuck)}" if one.stuck else ""
        print(f"The {kind} process {one.process.pid} on {host} is {one.state}{loops}.")
    return 1
