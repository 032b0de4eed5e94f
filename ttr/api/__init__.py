"""The JSON front door, /api/v1: this file is its map."""

from quart import Blueprint

from ttr.api import acknowledgements, channels, checks, deliveries, errors, integrations, keys, pauses, pings

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
_route(
    "/checks/<check>/acknowledge", view_func=acknowledgements.create, methods=["POST"], endpoint="acknowledge"
)
_route("/checks/<check>/deliveries", view_func=deliveries.of_check, methods=["GET"])

_route("/checks/<check>/channels/<channel>", view_func=channels.assign, methods=["PUT"])
_route("/checks/<check>/channels/<channel>", view_func=channels.unassign, methods=["DELETE"])
_route("/checks/<check>/<kind>", view_func=integrations.change, methods=["PUT"], endpoint="change_own")
_route("/checks/<check>/<kind>/test", view_func=integrations.test, methods=["POST"], endpoint="test_own")
_route(
    "/checks/<check>/<kind>/test-queue",
    view_func=integrations.queue_test,
    methods=["POST"],
    endpoint="queue_own",
)
_route("/checks/<check>/<kind>/rate", view_func=integrations.rate, methods=["GET"], endpoint="rate_own")

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

_route("/deliveries", view_func=deliveries.index, methods=["GET"], endpoint="deliveries")
_route("/deliveries/<delivery>", view_func=deliveries.show, methods=["GET"], endpoint="delivery")
_route("/deliveries/<delivery>/resend", view_func=deliveries.resend, methods=["POST"])

errors.install(api_blueprint)
