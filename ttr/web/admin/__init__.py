"""The pages of admins, below /admin: this file is their map. Apart from the door they work as all pages do."""

from collections.abc import Awaitable, Callable

from quart import Blueprint, Response, g

from ttr.web import errors, security
from ttr.web.admin import door, logins, overview
from ttr.web.reply import see

admin_blueprint = Blueprint("admin", __name__)

_View = Callable[..., Awaitable[Response]]

_PAGES: dict[str, _View] = {
    "/admin": overview.show,
    "/admin/login": logins.show,
}
_WRITES: dict[str, _View] = {
    "/admin/login": logins.create,
    "/admin/logout": logins.destroy,
}
# Where a form's answer stood: reloaded or typed in, such an address leads to the form's page.
_FORMER: dict[str, _View] = {
    "/admin/logout": logins.moved,
}

for _methods, _routes in ((["GET"], _PAGES | _FORMER), (["POST"], _WRITES)):
    for _path, _view in _routes.items():
        _name = f"{_view.__module__.rpartition('.')[2]}_{_view.__name__}"
        admin_blueprint.add_url_rule(_path, endpoint=_name, view_func=_view, methods=_methods)


@admin_blueprint.before_request
async def _refuse_foreign_forms() -> None:
    door.refuse_other_origins()
    await security.refuse_foreign_forms()


admin_blueprint.after_request(door.show_login)
errors.register(admin_blueprint)


@admin_blueprint.errorhandler(door.NotAdmin)
async def _to_the_door(_: door.NotAdmin) -> Response:
    return see("/admin/login")


@admin_blueprint.context_processor
async def _shared() -> dict[str, object]:
    """What templates of these pages may use besides."""
    return {"admin": g.get("admin"), "frame": "admin/base.html"}
