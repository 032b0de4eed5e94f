"""A client's name in plain words."""

import pytest

from ttr.web.client_hint import client_hint

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("user_agent", "hint"),
    [
        ("curl/8.5.0", "curl"),
        ("Wget/1.21.4", "wget"),
        ("python-requests/2.32.3", "Python requests"),
        ("Python-urllib/3.12", "Python urllib"),
        ("Python/3.11 aiohttp/3.10.5", "Python aiohttp"),
        ("Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.17763.2183", "PowerShell"),
        ("Mozilla/5.0 (Linux; Debian; en-US) PowerShell/7.4.1", "PowerShell"),
        ("Go-http-client/1.1", "Go"),
        ("Java/17.0.9", "Java"),
        (CHROME, "Chrome"),
        (CHROME + " Edg/130.0", "Edge"),
        ("Mozilla/5.0 (X11; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox"),
        ("ttr dashboard", "this dashboard"),
        ("backup-agent/2.1 (nightly)", "backup-agent"),
        ("", "unknown client"),
        ("<script>alert(1)</script>", "unknown client"),
        ("x" * 200, "unknown client"),
    ],
)
def test_a_user_agent_has_a_plain_name(user_agent: str, hint: str) -> None:
    assert client_hint(user_agent) == hint
