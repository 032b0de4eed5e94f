"""The HTML front door: this file is its site map.

Pages work without JavaScript: a link reads, a form writes and leads on with a 303. Fragments have addresses of
their own; htmx puts them into the page. A GET never changes anything.
"""

from collections.abc import Awaitable, Callable

from quart import Blueprint, Response

from ttr.web import (
    appearance,
    assets,
    checks,
    dashboard,
    errors,
    home,
    keys,
    live,
    pauses,
    pings,
    previews,
    security,
    sessions,
    webhook,
    words,
)

web_blueprint = Blueprint("web", __name__)

_View = Callable[..., Awaitable[Response]]

_PAGES: dict[str, _View] = {
    "/": home.show,
    "/dashboard": dashboard.show,
    "/checks": dashboard.moved,
    "/checks/new": checks.new,
    "/checks/<int:check_id>": checks.show,
    "/checks/<int:check_id>/edit": checks.edit,
    "/checks/<int:check_id>/delete": checks.confirm_delete,
    "/checks/<int:check_id>/pings/<int:number>/body": pings.body,
}
_FRAGMENTS: dict[str, _View] = {
    "/dashboard/table": dashboard.table,
    "/checks/<int:check_id>/live": checks.live,
    "/checks/<int:check_id>/pings/<int:number>/body/fragment": pings.body_fragment,
}
_FILES: dict[str, _View] = {
    "/checks/<int:check_id>/pings/<int:number>/body/download": pings.download,
    "/assets/<digest>/<path:path>": assets.show,
}
_WRITES: dict[str, _View] = {
    "/keys": keys.create,
    "/login": sessions.create,
    "/logout": sessions.destroy,
    "/appearance": appearance.update,
    "/checks": checks.create,
    "/checks/preview": previews.show,
    "/checks/<int:check_id>/edit": checks.update,
    "/checks/<int:check_id>/delete": checks.delete,
    "/checks/<int:check_id>/pause": pauses.create,
    "/checks/<int:check_id>/resume": pauses.destroy,
    "/checks/<int:check_id>/pings": pings.create,
    "/checks/<int:check_id>/webhook": webhook.update,
}
# Where a form's answer stood: reloaded or typed in, such an address leads to the form's page.
_FORMER: dict[str, _View] = {
    "/keys": home.moved,
    "/login": home.moved,
    "/logout": home.moved,
    "/appearance": home.moved,
    "/checks/preview": checks.moved_to_new,
    "/checks/<int:check_id>/pause": checks.moved,
    "/checks/<int:check_id>/resume": checks.moved,
    "/checks/<int:check_id>/pings": checks.moved,
    "/checks/<int:check_id>/webhook": checks.moved,
}

for _methods, _routes in ((["GET"], _PAGES | _FRAGMENTS | _FILES | _FORMER), (["POST"], _WRITES)):
    for _path, _view in _routes.items():
        _name = f"{_view.__module__.rpartition('.')[2]}_{_view.__name__}"
        web_blueprint.add_url_rule(_path, endpoint=_name, view_func=_view, methods=_methods)

web_blueprint.before_request(security.refuse_foreign_forms)
errors.register(web_blueprint)


@web_blueprint.app_context_processor
def _shared() -> dict[str, object]:
    """What every template may use besides its page's values."""
    return {
        "asset": assets.asset,
        "csrf_token": security.csrf_token,
        "poll": live.POLL,
        **appearance.chosen(),
    }


for _filter, _function in words.FILTERS.items():
    web_blueprint.add_app_template_filter(_function, _filter)
