"""The job queue and what waits in our own lanes."""

from collections.abc import Awaitable, Callable

from quart import Response, request

from ttr import current
from ttr.job_queue import QueueAway, drop_all, drop_job, read_queue, retry_all, retry_job
from ttr.now import now_ms
from ttr.store.admin_log import note
from ttr.store.waiting import read_backlog
from ttr.web.admin.addresses import offset_in, pages
from ttr.web.admin.door import require_admin
from ttr.web.reply import page, see
from ttr.web.said import saying

SIZE = 25
"""Failed jobs a page."""
ID_MAX = 200
_ADDRESS = "/admin/queues"


async def show() -> Response:
    """The queue, the workers, the lanes."""
    await require_admin()
    return await _shown()


async def moved() -> Response:
    """To the queue."""
    await require_admin()
    return see(_ADDRESS)


async def retry() -> Response:
    """Put a failed job back, or with `all` every one."""
    return await _do(retry_job, retry_all, "retried", "put back into the queue")


async def drop() -> Response:
    """Forget a failed job, or with `all` every one."""
    return await _do(drop_job, drop_all, "dropped", "dropped")


async def _do(
    one: Callable[[str, str], Awaitable[bool]],
    every: Callable[[str], Awaitable[int]],
    what: str,
    done: str,
) -> Response:
    admin = await require_admin()
    form, url, store = await request.form, current.settings().queue, current.store()
    job, everything = form.get("job", "")[:ID_MAX], "all" in form
    about = "all failed jobs" if everything else f"job {job}"
    try:
        count = await every(url) if everything else int(await one(url, job))
    except QueueAway:
        return await _shown(503, fault="The Redis of the queue does not answer. Nothing was changed.")
    if count:
        await note(store, at=now_ms(), admin=admin.username, what=f"{what} failed jobs", about=about)
        jobs = "1 job is" if count == 1 else f"{count:,} jobs are"
        return saying(see(_ADDRESS), f"{jobs} {done}.")
    return await _shown(422, fault="That job is not among the failed ones any more.")


async def _shown(status: int = 200, fault: str = "") -> Response:
    offset, away = offset_in(), ""
    try:
        queue = await read_queue(current.settings().queue, size=SIZE, offset=offset)
    except QueueAway as error:
        queue, away = None, str(error)
    return await page(
        "admin/queues/show.html",
        status,
        queue=queue,
        away=away,
        fault=fault,
        backlog=await read_backlog(current.store()),
        **pages(_ADDRESS, offset, SIZE, queue.failed if queue else 0),
    )
