"""docs/settings.md tells of every setting of the seed what has become of it, and the code agrees."""

import re
from pathlib import Path

import pytest

from ttr.settings import OBSOLETE, Settings

PAGE = (Path(__file__).parents[2] / "docs/settings.md").read_text()
SEED = """
    DATABASE_URL REDIS_URL SECRET_KEY ENCRYPTION_KEY ALGORITHM ACCESS_TOKEN_EXPIRE_MINUTES
    ADMIN_REFRESH_TOKEN_EXPIRE_DAYS DEBUG_MODE SCHEDULER_INTERVAL_SECONDS STATS_CACHE_TTL_SECONDS INCR_BUFFER_ENABLED
    INCR_BUFFER_FLUSH_INTERVAL_MS INCR_BUFFER_MAX_OPS TELEGRAM_AUTH_ENABLED TELEGRAM_BOT_NAME TELEGRAM_BOT_TOKEN
    CLEANUP_ENABLED CLEANUP_INACTIVE_DAYS CLEANUP_INTERVAL_HOURS AUTO_START_EMBEDDED_WORKER WORKER_CONCURRENCY
    SAVE_CHECK_LAST_LOGS GEOIP_DATABASE_PATH USER_SLUG_ENABLED XAUTH_ENFORCE_ORIGIN XAUTH_ENFORCE_IP
    USER_ALLOWED_REQUEST_ORIGINS SECURITY_HEADERS_ENABLED CSP_USER_DASHBOARD LOG_LEVEL UVICORN_LOG_LEVEL EMBED_BEAT
    SITE_BASE_URL FLAP_WINDOW_SECONDS FLAP_THRESHOLD_CHANGES FLAP_SUPPRESSION_SECONDS TELEGRAM_RATE_LIMIT_PER_MIN
    RC_START_RPS RC_RPS_MIN RC_RPS_MAX RC_BURST_MAX RC_AI_STEP RC_MD_FACTOR RC_MD_SOFT RC_BACKOFF_BASE RC_BACKOFF_MAX
    RC_BACKOFF_LEVEL_MAX RC_DRIP_RPS RC_ASSUMED_LIMIT_PER_MIN RC_STATE_TTL_SECONDS
""".split()
# docker-compose.yml reads them, and ttr does not.
OF_COMPOSE = "CLOUDFLARED_TOKEN CLOUDFLARE_TUNNEL_TOKEN CLOUDFLARED_URL CLOUDFLARED_OPTS".split()


def told() -> dict[str, str]:
    """What the table says of each setting: kept, renamed or obsolete."""
    rows = re.findall(
        r"^\| ([^|]+) \| (\w+) \|", PAGE.partition("\n## Settings of the seed\n")[2], re.MULTILINE
    )
    return {name: fate for names, fate in rows for name in re.findall(r"`([A-Z_]+)`", names)}


def test_the_table_has_each_of_them_and_no_other() -> None:
    assert sorted(told()) == sorted([*SEED, *OF_COMPOSE])


@pytest.mark.parametrize("name", SEED)
def test_the_code_does_what_the_table_says(name: str) -> None:
    kept = name.lower() in Settings.model_fields

    assert told()[name] in (("kept",) if kept else ("obsolete", "renamed"))
    assert (name in OBSOLETE) is not kept
