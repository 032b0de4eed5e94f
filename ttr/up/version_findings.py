"""What `ttr doctor` says of versions: of ttr and what it is built on, of the data and of the indexes in Redis."""

import platform
from importlib.metadata import PackageNotFoundError, version

from ttr import __version__
from ttr.domain.finding import Finding
from ttr.settings import Settings
from ttr.store.errors import StoreUnfit
from ttr.store.form import FORM, Form, read_form, refusal
from ttr.store.redis import Store, open_store, store_trouble, wait_until_ready
from ttr.store.reindex import INDEX_VERSION, read_index_version
from ttr.up.borrowed import borrowed

_PACKAGES = ("quart", "hypercorn", "redis", "rq", "psycopg", "aiohttp", "pydantic", "cryptography")
_WITHIN = 5.0


async def look_at_versions(settings: Settings) -> list[Finding]:
    """Servers tell theirs in their own sections. Raises Refusal and StoreUnavailable."""
    async with (
        borrowed(settings) as servers,
        open_store(await servers.redis(), cluster=settings.redis_cluster) as store,
    ):
        await wait_until_ready(store, _WITHIN)
        with store_trouble():
            data = await _data(store)
            built = await read_index_version(store)
    return [
        Finding("ok", "ttr", f"{__version__}, on Python {platform.python_version()}."),
        _packages(),
        data,
        judge_indexes(built),
    ]


async def _data(store: Store) -> Finding:
    try:
        return judge_form(await read_form(store.redis))
    except StoreUnfit as unfit:
        return Finding("bad", "data", str(unfit))


def judge_form(form: Form | None) -> Finding:
    """The form that the data is in; None for an empty Redis."""
    if form is None:
        return Finding("ok", "data", f"There is none yet; it will be in form {FORM}.")
    if words := refusal(form):
        return Finding("bad", "data", words)
    if form.number == FORM:
        return Finding("ok", "data", f"In form {FORM}, which is this version's.")
    return Finding(
        "warning",
        "data",
        f"In form {form.number}, of a newer ttr than this one, which knows form {FORM} and may work on it. Run "
        "the newer one everywhere.",
    )


def judge_indexes(built: int) -> Finding:
    """The version in which the indexes of checks are kept, 0 for none yet."""
    if built in (0, INDEX_VERSION):
        return Finding("ok", "indexes", f"Version {INDEX_VERSION}, which is this version's.")
    if built < INDEX_VERSION:
        return Finding(
            "warning",
            "indexes",
            f"They are of version {built}, this ttr's are {INDEX_VERSION}: lists may lack checks. The clock builds "
            "them anew when it starts; start it.",
        )
    return Finding(
        "warning",
        "indexes",
        f"They are of version {built}, of a newer ttr than this one, which keeps version {INDEX_VERSION}. Run the "
        "newer one everywhere.",
    )


def _packages() -> Finding:
    told = []
    for name in _PACKAGES:
        try:
            told.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            return Finding(
                "bad", "packages", f"{name} is not installed. Install again: `make run`, or pip install."
            )
    return Finding("ok", "packages", f"{', '.join(told)}.")
