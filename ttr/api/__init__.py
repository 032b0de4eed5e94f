"""The JSON front door, /api/v1: this file is its map."""

from functools import partial

from quart import Blueprint

from ttr.api import (
    access_keys,
    acknowledgements,
    admin_accounts,
    admin_auth,
    admin_checks,
    admin_stats,
    aggregate,
    bulk,
    channels,
    check_slug,
    checks,
    cors,
    deliveries,
    errors,
    flips,
    geoip,
    integrations,
    keys,
    limits,
    metrics_summary,
    openapi,
    pauses,
    pings,
    sessions,
    stats,
    status_pages,
    tags,
    tokens,
    transfer,
    uptime,
    user,
)

__all__ = ["api_blueprint", "token_blueprint"]

token_blueprint = tokens.token_blueprint  # what renews tokens, at /admin where their cookie goes
api_blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

# A slash too much at the end is no other address; one too much inside is none of ours.
_route = partial(api_blueprint.add_url_rule, strict_slashes=False, merge_slashes=False)
_route("/openapi.json", view_func=openapi.show, methods=["GET"], endpoint="openapi")
_route("/keys", view_func=keys.create, methods=["POST"])
_route("/checks", view_func=checks.index, methods=["GET"])
_route("/checks", view_func=checks.create, methods=["POST"], endpoint="create_check")
_route("/checks/aggregate", view_func=aggregate.show, methods=["GET"], endpoint="aggregate")
_route("/checks/stats", view_func=stats.show, methods=["GET"], endpoint="stats")
_route("/checks/tags", view_func=tags.index, methods=["GET"], endpoint="tags")
_route("/checks/slug-check", view_func=check_slug.show, methods=["GET"], endpoint="slug_check")
_route("/checks/bulk", view_func=bulk.create, methods=["POST"], endpoint="bulk_create")
_route("/checks/bulk", view_func=bulk.change, methods=["PATCH"], endpoint="bulk_change")
_route("/checks/export", view_func=transfer.export, methods=["GET"], endpoint="export")
_route("/checks/export", view_func=transfer.export_with_secrets, methods=["POST"], endpoint="export_sealed")
_route("/checks/import", view_func=transfer.import_account, methods=["POST"], endpoint="import")
_route("/checks/bulk-delete", view_func=bulk.delete, methods=["POST"], endpoint="bulk_delete")
_route("/checks/<check:check>", view_func=checks.show, methods=["GET"])
_route("/checks/<check:check>", view_func=checks.replace, methods=["PUT"])
_route("/checks/<check:check>", view_func=checks.change, methods=["PATCH"], endpoint="change_check")
_route("/checks/<check:check>", view_func=checks.delete, methods=["DELETE"])
_route("/checks/<check:check>/toggle-pause", view_func=pauses.toggle, methods=["POST"])
_route("/checks/<check:check>/pause", view_func=pauses.pause, methods=["POST"])
_route("/checks/<check:check>/resume", view_func=pauses.resume, methods=["POST"])
_route("/checks/<check:check>/pings", view_func=pings.index, methods=["GET"], endpoint="pings")
_route("/checks/<check:check>/pings/<int:number>/body", view_func=pings.body, methods=["GET"])
_route("/checks/<check:check>/flips", view_func=flips.index, methods=["GET"], endpoint="flips")
_route("/checks/<check:check>/uptime", view_func=uptime.show, methods=["GET"], endpoint="uptime")
_route("/checks/<check:check>/content", view_func=pings.content, methods=["GET"])
_route(
    "/checks/<check:check>/acknowledge",
    view_func=acknowledgements.create,
    methods=["POST"],
    endpoint="acknowledge",
)
_route("/checks/<check:check>/deliveries", view_func=deliveries.of_check, methods=["GET"])

_route("/checks/<check:check>/channels/<channel>", view_func=channels.assign, methods=["PUT"])
_route("/checks/<check:check>/channels/<channel>", view_func=channels.unassign, methods=["DELETE"])
_route(
    "/checks/<check:check>/<kind:kind>", view_func=integrations.change, methods=["PUT"], endpoint="change_own"
)
_route(
    "/checks/<check:check>/<kind:kind>/test",
    view_func=integrations.test,
    methods=["POST"],
    endpoint="test_own",
)
_route(
    "/checks/<check:check>/<kind:kind>/test-queue",
    view_func=integrations.queue_test,
    methods=["POST"],
    endpoint="queue_own",
)
_route(
    "/checks/<check:check>/<kind:kind>/rate",
    view_func=integrations.rate,
    methods=["GET"],
    endpoint="rate_own",
)

_route("/channels", view_func=channels.index, methods=["GET"], endpoint="channels")
_route("/channels", view_func=channels.create, methods=["POST"], endpoint="create_channel")
_route("/channels/<channel>", view_func=channels.show, methods=["GET"], endpoint="channel")
_route("/channels/<channel>", view_func=channels.change, methods=["PATCH"], endpoint="change_channel")
_route("/channels/<channel>", view_func=channels.delete, methods=["DELETE"], endpoint="delete_channel")
_route("/channels/<channel>/test", view_func=channels.test, methods=["POST"], endpoint="test_channel")
_route(
    "/channels/<channel>/test-queue",
    view_func=channels.queue_test,
    methods=["POST"],
    endpoint="queue_channel",
)
_route("/channels/<channel>/rate", view_func=channels.rate, methods=["GET"], endpoint="rate_channel")
_route("/channels/<channel>/rotate-secret", view_func=channels.rotate_secret, methods=["POST"])
_route("/channels/<channel>/assign-all", view_func=channels.assign_all, methods=["POST"])

_route("/status-pages", view_func=status_pages.index, methods=["GET"], endpoint="status_pages")
_route("/status-pages", view_func=status_pages.create, methods=["POST"], endpoint="create_status_page")
_route("/status-pages/<page>", view_func=status_pages.show, methods=["GET"], endpoint="status_page")
_route(
    "/status-pages/<page>", view_func=status_pages.replace, methods=["PUT"], endpoint="replace_status_page"
)
_route(
    "/status-pages/<page>", view_func=status_pages.change, methods=["PATCH"], endpoint="change_status_page"
)
_route(
    "/status-pages/<page>", view_func=status_pages.delete, methods=["DELETE"], endpoint="delete_status_page"
)

_route("/user/me", view_func=user.show, methods=["GET"], endpoint="user")
_route("/user/rotate-key", view_func=user.rotate_key, methods=["POST"])
_route("/user/keys", view_func=access_keys.index, methods=["GET"], endpoint="access_keys")
_route("/user/keys", view_func=access_keys.create, methods=["POST"], endpoint="create_access_key")
_route("/user/keys/<key>", view_func=access_keys.change, methods=["PATCH"], endpoint="change_access_key")
_route("/user/keys/<key>", view_func=access_keys.delete, methods=["DELETE"], endpoint="delete_access_key")
_route("/user/keys/<key>/rotate", view_func=access_keys.rotate, methods=["POST"])
_route("/user/sessions", view_func=sessions.index, methods=["GET"], endpoint="sessions")
_route("/user/sessions/<session>", view_func=sessions.delete, methods=["DELETE"], endpoint="delete_session")
_route("/user/slug", view_func=user.change_slugs, methods=["POST"])
_route("/user/slug-check", view_func=user.check_slugs, methods=["GET"])
_route("/user/former-slugs/<slug>", view_func=user.end_former_slug, methods=["DELETE"])
_route("/user/unlink-telegram", view_func=user.unlink_telegram, methods=["POST"])
_route("/user/delete", view_func=user.delete, methods=["POST"], endpoint="delete_user")

_route("/metrics/summary", view_func=metrics_summary.show, methods=["GET"], endpoint="metrics_summary")
_route("/geoip", view_func=geoip.show, methods=["GET"], endpoint="geoip")

_route("/deliveries", view_func=deliveries.index, methods=["GET"], endpoint="deliveries")
_route("/deliveries/<delivery>", view_func=deliveries.show, methods=["GET"], endpoint="delivery")
_route("/deliveries/<delivery>/resend", view_func=deliveries.resend, methods=["POST"])

_route("/token", view_func=tokens.create, methods=["POST"], endpoint="token")
_route("/admin/accounts", view_func=admin_accounts.index, methods=["GET"], endpoint="admin_accounts")
_route("/admin/checks", view_func=admin_checks.index, methods=["GET"], endpoint="admin_checks")
_route("/admin/stats", view_func=admin_stats.show, methods=["GET"], endpoint="admin_stats")

errors.install(api_blueprint)
limits.install(api_blueprint)
cors.install(api_blueprint)
api_blueprint.register_error_handler(admin_auth.NotAdmin, admin_auth.not_admin)
