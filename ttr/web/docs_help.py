"""Which part of the documentation helps on which page: the link "Help" in the header leads there."""

HELP = (
    ("/dashboard", "/docs/dashboard"),
    ("/checks/new", "/docs/schedules"),
    ("/checks/", "/docs/concepts"),
    ("/channels", "/docs/channels"),
    ("/deliveries", "/docs/alerts"),
    ("/status-pages", "/docs/status-pages"),
    ("/badges", "/docs/badges"),
    ("/account/badge", "/docs/badges"),
    ("/account/import", "/docs/import-export"),
    ("/account/export", "/docs/import-export"),
    ("/account/telegram", "/docs/telegram"),
    ("/account/keys", "/docs/json-api#account"),
    ("/account", "/docs/dashboard#the-account"),
)
PARTS = {
    "settings": "/docs/schedules",
    "log": "/docs/pings",
    "pings": "/docs/pings",
    "integrations": "/docs/channels",
    "deliveries": "/docs/alerts",
    "badge": "/docs/badges",
}
"""By the word behind a check's number."""


def help_at(path: str) -> str:
    """The page, or the section, for whoever is at this path; else the contents."""
    words = path.split("/")
    if path.startswith("/checks/") and len(words) > 3 and words[3] in PARTS:
        return PARTS[words[3]]
    return next((help_ for start, help_ in HELP if path.startswith(start)), "/docs")
