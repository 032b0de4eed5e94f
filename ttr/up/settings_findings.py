"""What `ttr doctor` says of the settings: names, secrets, and values that don't go together. It quotes no secret."""

from collections.abc import Iterator

from ttr.address import Network
from ttr.domain.finding import Finding, Level
from ttr.settings import Settings, odd_names
from ttr.up.refusal import Refusal
from ttr.up.secretfiles import refuse_bad_secrets

SECRET_LEAST = 32
"""Characters of a SECRET_KEY, and DISTINCT_LEAST different ones: what forms and logins are signed with must not be
guessed."""
DISTINCT_LEAST = 10
_WIDE = {4: 8, 6: 16}
"""A network with a shorter prefix is a large part of the internet."""


async def look_at_settings(settings: Settings) -> list[Finding]:
    """A line for each thing that is odd, and one for all that are not."""
    found = [Finding("warning", "name", f"{words} Remove it, or write it right.") for words in odd_names()]
    found += [*_secrets(settings), *_addresses(settings), *_doors(settings), *_pairs(settings)]
    found += [*_channels(settings), *_rates(settings)]
    if settings.cleanup_enabled:
        found.append(
            Finding(
                "ok",
                "cleanup",
                f"It is on: what nobody uses for {settings.cleanup_inactive_days} days is removed. "
                "`ttr cleanup --dry-run` says what that is.",
            )
        )
    if all(one.level == "ok" for one in found):
        found.insert(0, Finding("ok", "settings", f"TTR_ENV is {settings.ttr_env}; nothing is odd."))
    return found


def _secrets(settings: Settings) -> Iterator[Finding]:
    try:
        refuse_bad_secrets(
            secret_key=settings.secret_key,
            encryption_key=settings.encryption_key,
            production=settings.production,
        )
    except Refusal as reason:
        yield Finding("refusal", "secrets", str(reason))
    key = settings.secret_key
    if not key:
        return
    if len(key) < SECRET_LEAST or len(set(key)) < DISTINCT_LEAST:
        yield Finding(
            _worse_in_production(settings),
            "SECRET_KEY",
            f"It is easy to guess: it should have {SECRET_LEAST} random characters or more. Whoever guesses it can log "
            'in as an admin. Make one with `python3 -c "import secrets; print(secrets.token_urlsafe(48))"`.',
        )
    if settings.encryption_key and key in settings.encryption_key.split(","):
        yield Finding(
            "warning",
            "SECRET_KEY",
            "It is the same as ENCRYPTION_KEY. Give each its own: they leak differently.",
        )


def _addresses(settings: Settings) -> Iterator[Finding]:
    url = settings.public_url
    if settings.production and not url:
        yield Finding(
            "warning",
            "PUBLIC_URL",
            "It is not set, so messages have no links, and pages show the host that a request names. Set it to the "
            "address that people use, such as https://ttr.example.org.",
        )
    elif settings.production and url and url.startswith("http://"):
        yield Finding(
            "warning",
            "PUBLIC_URL",
            "It begins with http://, but in production cookies travel over TLS only: nobody can log in there. Put a "
            "proxy with TLS in front and write https://.",
        )
    elif not settings.production and url and url.startswith("https://"):
        yield Finding(
            "warning",
            "TTR_ENV",
            "PUBLIC_URL is for others, but TTR_ENV is development, which makes up missing secrets and asks nobody "
            "before mail goes to an address. Set TTR_ENV=production.",
        )


def _doors(settings: Settings) -> Iterator[Finding]:
    for network in settings.trusted_proxies:
        if _is_everybody(network):
            yield Finding(
                _worse_in_production(settings),
                "TRUSTED_PROXIES",
                f"{network} trusts everybody: clients choose the address that limits and keys go by. Name your proxies "
                "alone.",
            )
        elif network.prefixlen < _WIDE[network.version]:
            yield Finding(
                "warning",
                "TRUSTED_PROXIES",
                f"{network} is a large part of the internet. Name your proxies alone.",
            )
    for network in settings.egress_allow:
        if _is_everybody(network):
            yield Finding(
                _worse_in_production(settings),
                "EGRESS_ALLOW",
                f"{network} opens every private network, this machine's own services too, to whoever makes a webhook. "
                "Name the networks that are meant.",
            )
    if settings.production and not settings.rate_limits:
        yield Finding(
            "warning",
            "RATE_LIMITS",
            "It is off, so one client can take all there is, and passwords can be tried without end. Remove it, or "
            "lift single zones (docs/settings.md).",
        )


def _pairs(settings: Settings) -> Iterator[Finding]:
    given = settings.model_fields_set
    if settings.database_url and "embedded_postgres" in given and settings.embedded_postgres == "on":
        yield _odd("EMBEDDED_POSTGRES", "DATABASE_URL is set, so none is started. Remove one of the two.")
    if settings.ping_body_limit > settings.ping_body_max:
        yield _odd(
            "PING_BODY_LIMIT", "It is more than PING_BODY_MAX, above which a ping is refused. Lower it."
        )
    if settings.body_bytes_per_check > settings.body_bytes_per_account:
        yield _odd("BODY_BYTES_PER_CHECK", "It is more than BODY_BYTES_PER_ACCOUNT, which holds. Lower it.")
    bot = {"telegram_bot_name", "telegram_bot_token"} & given
    if bot and not settings.telegram_auth_enabled:
        yield _odd(
            "TELEGRAM_BOT_*", "It means nothing without TELEGRAM_AUTH_ENABLED=true. Set that, or remove it."
        )
    if settings.telegram_auth_enabled and settings.bot_lacks:
        yield _odd("TELEGRAM_AUTH_*", f"`ttr bot` can't answer without {settings.bot_lacks}. Set it.")


def _channels(settings: Settings) -> Iterator[Finding]:
    if not settings.smtp_host:
        if settings.smtp_from or settings.smtp_user:
            yield _odd(
                "SMTP_*", "They mean nothing without SMTP_HOST, so there are no e-mail channels. Set it."
            )
        return
    if bool(settings.smtp_user) != bool(settings.smtp_password):
        yield _odd("SMTP_USER", "It and SMTP_PASSWORD go together: set both or none.")
    elif settings.smtp_password and settings.smtp_security == "none":
        yield _odd("SMTP_SECURITY", "It is none, so SMTP_PASSWORD travels in clear. Set starttls or tls.")
    if settings.production and not settings.asks_people:
        yield _odd(
            "EMAIL_CONFIRM",
            "It is off in production: whoever has an account can send mail to any address. Remove it, unless you know "
            "all who have accounts.",
        )


def _rates(settings: Settings) -> Iterator[Finding]:
    if settings.rc_rps_min > settings.rc_rps_max:
        yield _odd("RC_RPS_MIN", "It is more than RC_RPS_MAX, which holds. Lower it.")
    elif settings.rc_start_rps > settings.rc_rps_max:
        yield _odd("RC_START_RPS", "It is more than RC_RPS_MAX, which holds. Lower it.")
    if settings.rc_backoff_base > settings.rc_backoff_max:
        yield _odd("RC_BACKOFF_BASE", "It is more than RC_BACKOFF_MAX, which holds. Lower it.")


def _odd(subject: str, text: str) -> Finding:
    return Finding("warning", subject, text)


def _worse_in_production(settings: Settings) -> Level:
    return "bad" if settings.production else "warning"


def _is_everybody(network: Network) -> bool:
    return network.prefixlen == 0
