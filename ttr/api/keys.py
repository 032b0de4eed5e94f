"""POST /api/v1/keys: an account in one call. The key is shown here and never again."""

from quart import Response, jsonify

from ttr import current
from ttr.now import now_ms
from ttr.store.users import create_user


async def create() -> tuple[Response, int]:
    """Make an account; 201 with its access key and slugs, 429 when the address has made too many."""
    settings = current.settings()
    user, auth_key = await create_user(
        current.store(),
        now=now_ms(),
        master=settings.master_key,
        address=current.address(),
        most_per_address=None if settings.rate_limits == "off" else settings.accounts_per_address,
    )
    answer = jsonify({"auth_key": auth_key, "user_slug": user.user_slug, "public_slug": user.public_slug})
    answer.headers["Cache-Control"] = "no-store"
    return answer, 201
