"""The HTML front door: this file is its site map.

Pages work without JavaScript: a link reads, a form writes and leads on with a 303. Fragments have addresses of
their own; htmx puts them into the page. A GET never changes anything.
"""

from collections.abc import Awaitable, Callable

from quart import Blueprint, Response

from ttr.web import (
    acknowledgements,
    alert_words,
    appearance,
    assets,
    channels,
    checks,
    confirmations,
    dashboard,
    deliveries,
    errors,
    home,
    integrations,
    keys,
    live,
    pauses,
    pings,
    previews,
    rates,
    reference,
    security,
    sessions,
    signings,
    trials,
    unsubscribes,
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
    "/checks/<int:check_id>/integrations": integrations.show,
    "/checks/<int:check_id>/deliveries": deliveries.of_check,
    "/channels": channels.index,
    "/channels/new": channels.new,
    "/channels/<int:channel_id>": channels.show,
    "/channels/<int:channel_id>/delete": channels.confirm_delete,
    "/deliveries": deliveries.index,
    "/docs/api": reference.show,
    "/acknowledge/<token>": acknowledgements.ask,
    "/unsubscribe/<token>": unsubscribes.ask,
    "/confirm/<token>": confirmations.ask,
}
_FRAGMENTS: dict[str, _View] = {
    "/dashboard/table": dashboard.table,
    "/checks/<int:check_id>/live": checks.live,
    "/checks/<int:check_id>/pings/<int:number>/body/fragment": pings.body_fragment,
    "/checks/<int:check_id>/deliveries/list": deliveries.listed_of_check,
    "/channels/<int:channel_id>/rate": rates.show,
    "/deliveries/list": deliveries.listed,
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
    "/checks/<int:check_id>/acknowledge": acknowledgements.create,
    "/checks/<int:check_id>/integrations": integrations.update,
    "/checks/<int:check_id>/integrations/<kind>": integrations.update_own,
    "/checks/<int:check_id>/integrations/<kind>/test": integrations.test_own,
    "/channels": channels.create,
    "/channels/<int:channel_id>": channels.update,
    "/channels/<int:channel_id>/on": channels.turn_on,
    "/channels/<int:channel_id>/off": channels.turn_off,
    "/channels/<int:channel_id>/checks": channels.share,
    "/channels/<int:channel_id>/test": trials.create,
    "/channels/<int:channel_id>/signing": signings.create,
    "/channels/<int:channel_id>/delete": channels.delete,
    "/deliveries/<delivery_id>/resend": deliveries.create_again,
    "/acknowledge/<token>": acknowledgements.follow,
    "/unsubscribe/<token>": unsubscribes.create,
    "/confirm/<token>": confirmations.create,
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
    "/checks/<int:check_id>/acknowledge": checks.moved,
    "/checks/<int:check_id>/integrations/<kind>": integrations.moved,
    "/checks/<int:check_id>/integrations/<kind>/test": integrations.moved,
    "/channels/<int:channel_id>/on": channels.moved,
    "/channels/<int:channel_id>/off": channels.moved,
    "/channels/<int:channel_id>/checks": channels.moved,
    "/channels/<int:channel_id>/test": channels.moved,
    "/channels/<int:channel_id>/signing": channels.moved,
    "/deliveries/<delivery_id>/resend": deliveries.moved,
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
        "styles": assets.STYLES,
        "scripts": assets.scripts(),
        "csrf_token": security.csrf_token,
        "poll": live.POLL,
        **appearance.chosen(),
    }


for _filter, _function in (words.FILTERS | alert_words.FILTERS).items():
    web_blueprint.add_app_template_filter(_function, _filter)
