"""The JSON front door, /api/v1: this file is its map."""

from quart import Blueprint

from ttr.api import checks, errors, integrations, keys, pauses, pings

api_blueprint = Blueprint("api", __name__, url_prefix="/api/v1")

_route = api_blueprint.add_url_rule
_route("/keys", view_func=keys.create, methods=["POST"])
_route("/checks", view_func=checks.index, methods=["GET"])
_route("/checks", view_func=checks.create, methods=["POST"], endpoint="create_check")
_route("/checks/<check>", view_func=checks.show, methods=["GET"])
_route("/checks/<check>", view_func=checks.replace, methods=["PUT"])
_route("/checks/<check>", view_func=checks.delete, methods=["DELETE"])
_route("/checks/<check>/toggle-pause", view_func=pauses.toggle, methods=["POST"])
_route("/checks/<check>/pause", view_func=pauses.pause, methods=["POST"])
_route("/checks/<check>/resume", view_func=pauses.resume, methods=["POST"])
_route("/checks/<check>/pings", view_func=pings.index, methods=["GET"], endpoint="pings")
_route("/checks/<check>/pings/<int:number>/body", view_func=pings.body, methods=["GET"])
_route("/checks/<check>/content", view_func=pings.content, methods=["GET"])
_route("/checks/<check>/webhook", view_func=integrations.webhook, methods=["PUT"])

errors.install(api_blueprint)
