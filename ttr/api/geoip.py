"""GET /api/v1/geoip: where an address is. For callers with a key alone: a free look-up would serve anybody."""

from ipaddress import IPv6Address, ip_address
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator
from quart import Response, request
from typing_extensions import TypedDict

from ttr import current
from ttr.api.auth import caller
from ttr.api.body import private
from ttr.api.describe import operation
from ttr.domain.invalid import Contradiction, FieldError, parse_form

_NO_ADDRESS = "An address is needed, such as 203.0.113.5 or 2001:db8::5."


def _say_forms(schema: dict[str, Any]) -> None:
    schema["properties"]["ip"] |= {"anyOf": [{"type": "string", "format": form} for form in ("ipv4", "ipv6")]}
    del schema["properties"]["ip"]["type"]


class GeoipQuery(BaseModel):
    """The address that is asked about."""

    model_config = ConfigDict(json_schema_extra=_say_forms)

    ip: str = Field("", description="IPv4 or IPv6. Without it, the caller's own.", examples=["203.0.113.5"])

    @field_validator("ip")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            found = ip_address(value)
        except ValueError:
            raise ValueError(_NO_ADDRESS) from None
        if isinstance(found, IPv6Address):
            if found.scope_id is not None:
                raise ValueError(_NO_ADDRESS)
            found = found.ipv4_mapped or found
        return str(found)


class GeoipJson(TypedDict):
    """Where an address is, as far as the operator's database tells."""

    ip: Annotated[str, Field(examples=["203.0.113.5"])]
    country_code: Annotated[
        str, Field(description="Two letters of ISO 3166-1; XX when not known.", examples=["SE"])
    ]
    country_name: Annotated[str, Field(description="In English; Unknown when not known.")]
    connection_type: Annotated[
        str, Field(description="Such as Cable/DSL or Cellular; Unknown when not known, never guessed.")
    ]


@operation("Look an address up", tag="Account", query=GeoipQuery, answers={200: GeoipJson}, refusals=(409,))
async def show() -> Response:
    """The country of an address and how it is connected. Without `ip`, of the caller's own: its country is what a
    trusted proxy tells, else what the database has. 409 when the caller's address is not known, behind a unix socket.
    """
    await caller()
    address, told = parse_form(GeoipQuery, request.args).ip, ""
    if not address:
        address, told = current.address(), current.country()
        if not address:
            raise Contradiction([FieldError("ip", "Your own address is not known here: send one.")])
    place = current.geo().look_up(address, told)
    answer: GeoipJson = {
        "ip": address,
        "country_code": place.country_code,
        "country_name": place.country_name,
        "connection_type": place.connection_type,
    }
    return private(answer)
