"""The pages of admins, below /admin: this file is their map. Apart from the door they work as all pages do."""

from collections.abc import Awaitable, Callable

from quart import Blueprint, Response, g

from ttr.web import errors, page_limits, security
from ttr.web.admin import (
    access,
    accounts,
    checks,
    deliveries,
    door,
    keys,
    log,
    logins,
    openings,
    operations,
    overview,
    queues,
    system,
)
from ttr.web.reply import see

admin_blueprint = Blueprint("admin", __name__)

_View = Callable[..., Awaitable[Response]]

_PAGES: dict[str, _View] = {
    "/admin": overview.show,
    "/admin/figures": overview.figures,
    "/admin/operations/foot": operations.foot,
    "/admin/log": log.show,
    "/admin/login": logins.show,
    "/admin/accounts": accounts.index,
    "/admin/accounts/<int:user_id>": accounts.show,
    "/admin/accounts/<int:user_id>/delete": accounts.confirm_delete,
    "/admin/accounts/<int:user_id>/keys/<key_id>/end": access.confirm_end_key,
    "/admin/checks": checks.index,
    "/admin/checks/<int:user_id>/<int:check_id>": checks.show,
    "/admin/checks/<int:user_id>/<int:check_id>/delete": checks.confirm_delete,
    "/admin/keys": keys.show,
    "/admin/queues": queues.show,
    "/admin/deliveries": deliveries.show,
    "/admin/system": system.show,
}
_WRITES: dict[str, _View] = {
    "/admin/login": logins.create,
    "/admin/logout": logins.destroy,
    "/admin/accounts/find": accounts.find,
    "/admin/accounts/<int:user_id>/delete": accounts.delete,
    "/admin/accounts/<int:user_id>/open": openings.create,
    "/admin/accounts/<int:user_id>/keys/<key_id>/end": access.end_key,
    "/admin/accounts/<int:user_id>/sessions/<session_id>/end": access.end_session,
    "/admin/checks/find": checks.find,
    "/admin/checks/<int:user_id>/<int:check_id>/pause": checks.pause,
    "/admin/checks/<int:user_id>/<int:check_id>/resume": checks.resume,
    "/admin/checks/<int:user_id>/<int:check_id>/delete": checks.delete,
    "/admin/keys/end": keys.end,
    "/admin/keys/lift": keys.lift_entry,
    "/admin/queues/retry": queues.retry,
    "/admin/queues/drop": queues.drop,
    "/admin/deliveries/<int:user_id>/<delivery_id>/resend": deliveries.create_again,
}
# Where a form's answer stood: reloaded or typed in, such an address leads to the form's page.
_FORMER: dict[str, _View] = {
    "/admin/logout": logins.moved,
    "/admin/accounts/find": accounts.moved,
    "/admin/accounts/<int:user_id>/open": accounts.moved_to,
    "/admin/accounts/<int:user_id>/sessions/<session_id>/end": access.moved_to,
    "/admin/checks/find": checks.moved,
    "/admin/checks/<int:user_id>/<int:check_id>/pause": checks.moved_to,
    "/admin/checks/<int:user_id>/<int:check_id>/resume": checks.moved_to,
    "/admin/keys/end": keys.moved,
    "/admin/keys/lift": keys.moved,
    "/admin/queues/retry": queues.moved,
    "/admin/queues/drop": queues.moved,
    "/admin/deliveries/<int:user_id>/<delivery_id>/resend": deliveries.moved,
}

for _methods, _routes in ((["GET"], _PAGES | _FORMER), (["POST"], _WRITES)):
    for _path, _view in _routes.items():
        _name = f"{_view.__module__.rpartition('.')[2]}_{_view.__name__}"
        admin_blueprint.add_url_rule(_path, endpoint=_name, view_func=_view, methods=_methods)


admin_blueprint.before_request(page_limits.refuse_floods(frozenset()))


admin_blueprint.before_request(security.refuse_foreign_forms)
admin_blueprint.after_request(door.show_login)
errors.register(admin_blueprint)


@admin_blueprint.errorhandler(door.NotAdmin)
async def _to_the_door(_: door.NotAdmin) -> Response:
    return see("/admin/login")


@admin_blueprint.context_processor
async def _shared() -> dict[str, object]:
    """What templates of these pages may use besides."""
    return {"admin": g.get("admin"), "frame": "admin/base.html"}
