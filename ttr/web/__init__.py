"""The HTML front door: this file is its site map.

Pages work without JavaScript: a link reads, a form writes and leads on with a 303. Fragments have addresses of
their own; htmx puts them into the page. A GET never changes anything.
"""

from collections.abc import Awaitable, Callable

from quart import Blueprint, Response

from ttr import __version__
from ttr.web import (
    access_keys,
    account,
    account_deletion,
    account_sessions,
    acknowledgements,
    alert_words,
    appearance,
    assets,
    badge_picker,
    bulk_checks,
    channels,
    charts,
    check_settings,
    checks,
    confirmations,
    dashboard,
    day_chart,
    deliveries,
    docs,
    docs_help,
    errors,
    events,
    figures,
    history,
    home,
    integrations,
    keys,
    list_query,
    live,
    logs,
    markdown,
    names,
    operations,
    operators,
    page_limits,
    patterns,
    pauses,
    peeks,
    pings,
    previews,
    public_words,
    rates,
    reference,
    security,
    sessions,
    shortcuts,
    signings,
    slugs,
    status_pages,
    telegram,
    telegram_link,
    telegram_login,
    telegram_open,
    theme_colours,
    transfer,
    trials,
    unsubscribes,
    words,
    zones,
)
from ttr.web.public import public_blueprint  # what needs no session: /s/..., badges

__all__ = ["public_blueprint", "web_blueprint"]

web_blueprint = Blueprint("web", __name__)

_View = Callable[..., Awaitable[Response]]

_PAGES: dict[str, _View] = {
    "/": home.show,
    "/dashboard": dashboard.show,
    "/checks": dashboard.moved,
    "/checks/new": check_settings.new,
    "/checks/<int:check_id>": checks.show,
    "/checks/<int:check_id>/settings": check_settings.show,
    "/checks/<int:check_id>/delete": checks.confirm_delete,
    "/checks/<int:check_id>/log": logs.show,
    "/checks/<int:check_id>/history": history.show,
    "/checks/<int:check_id>/pings/<int:number>": pings.show,
    "/checks/<int:check_id>/content": peeks.content,
    "/checks/<int:check_id>/integrations": integrations.show,
    "/checks/<int:check_id>/deliveries": deliveries.of_check,
    "/channels": channels.index,
    "/channels/new": channels.new,
    "/channels/<int:channel_id>": channels.show,
    "/channels/<int:channel_id>/delete": channels.confirm_delete,
    "/deliveries": deliveries.index,
    "/status-pages": status_pages.index,
    "/status-pages/new": status_pages.new,
    "/status-pages/<int:page_id>": status_pages.show,
    "/status-pages/<int:page_id>/delete": status_pages.confirm_delete,
    "/account": account.show,
    "/account/keys": access_keys.index,
    "/account/keys/<key_id>": access_keys.show,
    "/account/keys/<key_id>/replace": access_keys.confirm_replace,
    "/account/keys/<key_id>/revoke": access_keys.confirm_revoke,
    "/account/sessions": account_sessions.show,
    "/account/names": names.show,
    "/account/names/former/<slug>/end": names.confirm_end,
    "/account/delete": account_deletion.ask,
    "/account/telegram": telegram_link.show,
    "/telegram/login": telegram_login.ask,
    "/telegram/link": telegram_link.ask,
    "/telegram/open": telegram_open.ask,
    "/account/badge": badge_picker.of_account,
    "/badges": badge_picker.index,
    "/checks/<int:check_id>/badge": badge_picker.of_check,
    "/docs": docs.index,
    "/docs/search": docs.search,
    "/docs/search/found": docs.found,  # a fragment that costs what a page does, and counts as one
    "/docs/<name>": docs.show,
    "/docs/decisions/<name>": docs.decision,
    "/docs/api": reference.show,
    "/docs/keyboard": shortcuts.show,
    "/patterns": patterns.show,
    "/acknowledge/<token>": acknowledgements.ask,
    "/unsubscribe/<token>": unsubscribes.ask,
    "/confirm/<token>": confirmations.ask,
}
_FRAGMENTS: dict[str, _View] = {
    "/dashboard/list": dashboard.listed,
    "/checks/<int:check_id>/row": dashboard.row,
    "/checks/<int:check_id>/recent": peeks.recent,
    "/checks/<int:check_id>/content/fragment": peeks.content_fragment,
    "/checks/slug": slugs.show,
    "/account/names/slug": names.state,
    "/checks/<int:check_id>/live": checks.live,
    "/checks/<int:check_id>/log/list": logs.listed,
    "/checks/<int:check_id>/history/list": history.listed,
    "/checks/<int:check_id>/pings/<int:number>/body/fragment": pings.body_fragment,
    "/checks/<int:check_id>/deliveries/list": deliveries.listed_of_check,
    "/channels/<int:channel_id>/rate": rates.show,
    "/deliveries/list": deliveries.listed,
    "/operations/foot": operations.foot,
    "/operations/panel": operations.panel,
    "/zones": zones.index,
    "/account/badge/codes": badge_picker.codes_of_account,
    "/checks/<int:check_id>/badge/codes": badge_picker.codes_of_check,
}
_FILES: dict[str, _View] = {
    "/checks/<int:check_id>/pings/<int:number>/body/download": pings.download,
    "/assets/<digest>/<path:path>": assets.show,
    "/events": events.show,
    "/docs/<any(images, prometheus):folder>/<name>": docs.file,
}
_WRITES: dict[str, _View] = {
    "/keys": keys.create,
    "/login": sessions.create,
    "/logout": sessions.destroy,
    "/appearance": appearance.update,
    "/operator/leave": operators.destroy,
    "/account/keys": access_keys.create,
    "/account/keys/<key_id>": access_keys.update,
    "/account/keys/<key_id>/replace": access_keys.replace_one,
    "/account/keys/<key_id>/revoke": access_keys.revoke,
    "/account/sessions/others/end": account_sessions.end_others,
    "/account/sessions/<session>/end": account_sessions.end,
    "/account/names": names.update,
    "/account/names/former/<slug>/end": names.end,
    "/account/delete": account_deletion.create,
    "/account/telegram/unlink": telegram_link.destroy,
    "/telegram/login": telegram_login.create,
    "/telegram/link": telegram_link.create,
    "/telegram/open": telegram_open.create,
    "/account/export": transfer.export,
    "/account/import": transfer.look,
    "/account/import/run": transfer.run,
    "/checks": check_settings.create,
    "/checks/bulk": bulk_checks.create,
    "/checks/preview": previews.show,
    "/checks/schedule": previews.fill,
    "/checks/<int:check_id>/settings": check_settings.update,
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
    "/status-pages": status_pages.create,
    "/status-pages/arrange": status_pages.arrange,
    "/status-pages/choices": status_pages.choices,
    "/status-pages/preview": status_pages.preview,
    "/status-pages/<int:page_id>": status_pages.update,
    "/status-pages/<int:page_id>/delete": status_pages.delete,
    "/acknowledge/<token>": acknowledgements.follow,
    "/unsubscribe/<token>": unsubscribes.create,
    "/confirm/<token>": confirmations.create,
}
# Where a form's answer stood: reloaded or typed in, such an address leads to the form's page.
_FORMER: dict[str, _View] = {
    "/keys": home.moved,
    "/login": home.moved,
    "/checks/bulk": bulk_checks.moved,
    "/logout": home.moved,
    "/appearance": home.moved,
    "/operator/leave": home.moved,
    "/account/sessions/others/end": account_sessions.moved,
    "/account/sessions/<session>/end": account_sessions.moved,
    "/account/telegram/unlink": telegram_link.moved,
    "/account/export": transfer.moved,
    "/account/import": transfer.moved,
    "/account/import/run": transfer.moved,
    "/checks/preview": check_settings.moved_to_new,
    "/checks/schedule": check_settings.moved_to_new,
    "/checks/<int:check_id>/edit": check_settings.moved,
    "/checks/<int:check_id>/pause": checks.moved,
    "/checks/<int:check_id>/resume": checks.moved,
    "/checks/<int:check_id>/pings": checks.moved,
    "/checks/<int:check_id>/pings/<int:number>/body": pings.moved,
    "/checks/<int:check_id>/acknowledge": checks.moved,
    "/checks/<int:check_id>/integrations/<kind>": integrations.moved,
    "/checks/<int:check_id>/integrations/<kind>/test": integrations.moved,
    "/channels/<int:channel_id>/on": channels.moved,
    "/channels/<int:channel_id>/off": channels.moved,
    "/channels/<int:channel_id>/checks": channels.moved,
    "/channels/<int:channel_id>/test": channels.moved,
    "/channels/<int:channel_id>/signing": channels.moved,
    "/deliveries/<delivery_id>/resend": deliveries.moved,
    "/status-pages/arrange": status_pages.moved,
    "/status-pages/choices": status_pages.moved,
    "/status-pages/preview": status_pages.moved,
}


def _endpoint(view: _View) -> str:
    return f"{view.__module__.rpartition('.')[2]}_{view.__name__}"


for _methods, _routes in ((["GET"], _PAGES | _FRAGMENTS | _FILES | _FORMER), (["POST"], _WRITES)):
    for _path, _view in _routes.items():
        web_blueprint.add_url_rule(_path, endpoint=_endpoint(_view), view_func=_view, methods=_methods)

_asked_by_pages = frozenset(f"web.{_endpoint(_view)}" for _view in (_FRAGMENTS | _FILES).values())
web_blueprint.before_request(page_limits.refuse_floods(_asked_by_pages))
web_blueprint.before_request(security.refuse_foreign_forms)
errors.register(web_blueprint)
# Globals, since imported macros see no context.
web_blueprint.add_app_template_global(assets.asset, "asset")
web_blueprint.add_app_template_global(docs_help.help_at, "help_at")
web_blueprint.add_app_template_global(telegram.bot_name, "telegram_bot")
web_blueprint.add_app_template_global(theme_colours.bar_colours, "bar_colours")


@web_blueprint.app_context_processor
def _shared() -> dict[str, object]:
    """What every template may use besides its page's values."""
    return {
        "styles": assets.STYLES,
        "scripts": assets.scripts(),
        "csrf_token": security.csrf_token,
        "poll": live.POLL,
        "keys": shortcuts.KEYS,
        "ttr_version": __version__,
        **appearance.chosen(),
    }


_FILTERS = (
    words.FILTERS
    | logs.FILTERS
    | alert_words.FILTERS
    | charts.FILTERS
    | events.FILTERS
    | figures.FILTERS
    | list_query.FILTERS
    | day_chart.FILTERS
    | markdown.FILTERS
    | public_words.FILTERS
)
for _filter, _function in _FILTERS.items():
    web_blueprint.add_app_template_filter(_function, _filter)
for _global, _function in events.GLOBALS.items():
    web_blueprint.add_app_template_global(_function, _global)
