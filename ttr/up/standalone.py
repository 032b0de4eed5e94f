"""What `ttr web`, `ttr clock` and `ttr worker` need when they are run by hand instead of by `ttr up`."""

from pathlib import Path

from ttr.settings import Settings
from ttr.up.datadir import postgres_place, redis_place
from ttr.up.probe import listens, postgres_url, url_of
from ttr.up.refusal import Refusal
from ttr.up.secretfiles import resolve_secrets


def missing_settings(settings: Settings) -> dict[str, str]:
    """The settings a process can't do without that are not set, by name in capitals; empty under `ttr up`.

    REDIS_URL is the embedded Redis of the data directory, which must be running; DATABASE_URL its embedded Postgres
    if that runs. Secrets are the data directory's. Raises Refusal if there is no Redis, or as `resolve_secrets` does.
    """
    found = {}
    if not settings.redis_url:
        found["REDIS_URL"] = _running_redis(settings.data_dir)
    archive = postgres_place(settings.data_dir).known()
    if not settings.database_url and archive and listens(archive):
        found["DATABASE_URL"] = postgres_url(archive)
    secrets = resolve_secrets(
        settings.data_dir,
        secret_key=settings.secret_key,
        encryption_key=settings.encryption_key,
        production=settings.production,
    )
    if not settings.secret_key:
        found["SECRET_KEY"] = secrets.secret_key
    if not settings.encryption_key:
        found["ENCRYPTION_KEY"] = secrets.encryption_key
    return found


def _running_redis(data_dir: Path) -> str:
    path = redis_place(data_dir).known()
    if path is None or not listens(path):
        raise Refusal(
            f"No Redis: REDIS_URL is not set and no embedded Redis runs in {data_dir}. "
            "Run `ttr up`, which starts everything, or set REDIS_URL."
        )
    return url_of(path)
