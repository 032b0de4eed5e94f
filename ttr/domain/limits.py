"""Every limit on what people send, written once: forms, JSON and documentation read them here."""

DAY_SECONDS = 86_400

NAME_MAX = 100
"""Characters of a check's or channel's name."""
SLUG_MAX = 100
"""Characters of a slug; the alphabet is a-z, 0-9, `_` and `-`."""
ACCOUNT_SLUG_MIN = 3
"""Characters of an account's slug, at least."""
DESCRIPTION_MAX = 2_000
"""Characters of a check's description; line breaks are allowed."""
TAG_MAX = 50
"""Characters of one tag."""
TAGS_MAX = 20
"""Tags of one check."""
ACCESS_KEYS_MAX = 20
"""Access keys of one account."""
BINDINGS_MAX = 20
"""Addresses, and origins, that one access key is bound to."""
FILTER_TAGS_MAX = 5
"""Tags that a list is filtered by; each is looked for in up to all checks of an account."""
NUMBER_MAX = 999_999_999_999_999
"""Greatest number of a check or channel: what Lua and every JSON parser hold exactly."""
CHANNELS_MAX = 50
"""Channels of one check, besides those that it has to itself."""
OWN_CHANNELS_MAX = 10
"""More than there are kinds: a check has at most one of each to itself."""
GRACE_MIN_SECONDS = 1
GRACE_MAX_SECONDS = 366 * DAY_SECONDS
RUNTIME_MIN_SECONDS = 1
RUNTIME_MAX_SECONDS = 366 * DAY_SECONDS
FAILURES_MAX = 1_000
"""Greatest `notify_after_failures`; 0 and 1 both mean at once."""
REMIND_MIN_MINUTES = 1
REMIND_MAX_MINUTES = 7 * 24 * 60
"""Between two reminders of a check that stays down."""
CONTENT_RULE_MAX = 1_000
"""Characters of a content rule, plain or regular expression."""
USER_AGENT_MAX = 200
"""Bytes of a ping's user agent that are kept."""
JSON_BODY_MAX = 1_000_000
"""Bytes of a request to the API or a form."""
BULK_MAX = 1_000
"""Checks of one bulk call."""
ERRORS_TOLD = 100
"""Errors that one answer tells; what comes after them may not have been judged."""
IMPORT_BODY_MAX = 20_000_000
"""Bytes of an import: 10,000 checks with a description each."""
PASSPHRASE_MIN = 8
PASSPHRASE_MAX = 200
"""Characters of the passphrase that seals the secrets in a file."""
STATUS_PAGE_ENTRIES_MAX = 500
"""Headings, checks and tags of one status page."""
STATUS_PAGE_HEADINGS_MAX = 50
STATUS_PAGE_TAGS_MAX = 20
"""Tags of one status page; each is looked up whenever the page is made anew."""
STATUS_PAGE_CHECKS_MAX = 500
"""Checks that a status page shows: a tag may stand for more, and then the first ones by name are shown."""
STATUS_PAGE_INTRO_MAX = 5_000
"""Characters of a status page's introduction, which is Markdown."""
STATUS_PAGE_NOTICE_MAX = 1_000
"""Characters of the message that is pinned to a status page, which is Markdown."""
ADMIN_PASSWORD_MIN = 12
ADMIN_PASSWORD_MAX = 1_024
"""Characters of an admin's password."""
ADMIN_NAME_MAX = 64
"""Characters of an admin's name."""
SELF_PING_URL_MAX = 2_000
"""Characters of SELF_PING_URL."""
