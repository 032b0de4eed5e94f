"""A new account in one click: its key is shown once, on the answer to the click, and never again."""

from quart import Response

from ttr import current
from ttr.address import counted_as
from ttr.now import now_ms
from ttr.store.allowances import spend
from ttr.store.users import create_user
from ttr.web.reply import page
from ttr.web.sessions import sign_in


async def create() -> Response:
    """Make an account, sign in, show the key. Raises TooMany when the address has made too many."""
    settings = current.settings()
    now = now_ms()
    await spend(current.store(), settings.limit("new-account"), counted_as(current.address()), now=now)
    user, auth_key = await create_user(current.store(), now=now, master=settings.master_key)
    await sign_in(user, now)
    return await page("keys/show.html", 201, auth_key=auth_key, key_file=key_file(auth_key))


def key_file(auth_key: str) -> str:
    """What stands in the text file that a browser saves: the key, and where it is for."""
    return f"ttr access key for {current.base_url()}\n\n{auth_key}\n\nWhoever has it has the account.\n"
