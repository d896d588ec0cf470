r"""Describes in our own words what is wrong with a record that dnspython refuses. Pure.

dnspython's messages are for programmers ("'I' format requires ...", "expecting an identifier"), so none of them is passed on.
The refused record is checked here field by field, and the first invalid field is reported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from directdnsonly.zone import form_checks as checks
from directdnsonly.zone.domain import RdataError
from directdnsonly.zone.examples import name_of
from directdnsonly.zone.octets import from_generic
from directdnsonly.zone.tokens import Token

_U8, _U16, _U32 = 2**8 - 1, 2**16 - 1, 2**32 - 1
_DECIMAL: Final = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)\Z", re.ASCII)
_CERTIFICATES: Final = ("PKIX", "SPKI", "PGP", "IPKIX", "ISPKI", "IPGP", "ACPKIX", "IACPKIX", "URI", "OID")
_FIXED_LOCATOR: Final = re.compile(r"(?:[0-9A-Fa-f]{4}:){3}[0-9A-Fa-f]{4}\Z")


class Field(NamedTuple):
    """One field: its name in the RFC, its check, and whether it may be quoted."""

    name: str
    check: checks.Check
    is_string: bool = False


class Form(NamedTuple):
    """The fields of a type, then any number of words (`rest`), each a field or (`joined`) together one field."""

    fields: tuple[Field, ...] = ()
    rest: Field | None = None
    least: int = 1  # words of `rest`
    joined: bool = False
    whole: Callable[[Sequence[str], str], None] | None = None  # what no field alone can tell; raises RdataError


def diagnosis(kind: str, tokens: Sequence[Token], origin: str) -> str:
    """A sentence that says what is wrong with RDATA that could not be parsed."""
    try:
        _examine(name_of(kind), tokens, origin)
    except RdataError as error:
        return str(error)
    return "a value is outside its range, or the fields do not fit together"


def _examine(name: str, tokens: Sequence[Token], origin: str) -> None:
    """Raises RdataError for the first thing that is wrong."""
    form = FORMS.get(name)
    if tokens[0].text == "\\#":
        octets = from_generic([token.text for token in tokens])
        raise RdataError(
            f"the {len(octets)} octets are not a complete {name} record, or have a value that it may not have"
        )
    if form is None:
        raise RdataError("write its data in the generic form: \\#, number of octets, octets in hexadecimal (RFC 3597)")
    for place, field in enumerate(form.fields):
        if place >= len(tokens):
            raise RdataError(f"the {field.name} is missing")
        _examine_field(field, tokens[place], origin)
    _examine_rest(form, tokens[len(form.fields) :], origin)
    if form.whole is not None:
        form.whole([token.text for token in tokens], origin)


def _examine_field(field: Field, token: Token, origin: str) -> None:
    if token.quoted and not field.is_string:
        raise RdataError(f"the {field.name} {checks.shown(token.text)} is in quotation marks: write it without them")
    field.check(token.text, origin, f"the {field.name}")


def _examine_rest(form: Form, tokens: Sequence[Token], origin: str) -> None:
    field = form.rest
    if field is None:
        if tokens:
            raise RdataError(f"there are more fields than the type has, starting at {checks.shown(tokens[0].text)} on")
        return
    if len(tokens) < form.least:
        raise RdataError(f"the {field.name} is missing")
    if form.joined and not any(token.quoted for token in tokens):
        field.check("".join(token.text for token in tokens), origin, f"the {field.name}")
        return
    for token in tokens:
        _examine_field(field, token, origin)


def _numbers(**most: int) -> tuple[Field, ...]:
    return tuple(Field(name.replace("_", " "), checks.number_to(limit)) for name, limit in most.items())


_KEY: Final = Field("key", checks.base64)
_TYPES: Final = Field("type", checks.record_type)
_STRINGS: Final = Form(rest=Field("string", checks.string, True))
_DNSKEY: Final = Form((*_numbers(flags=_U16, protocol=_U8), Field("algorithm", checks.algorithm)), _KEY, joined=True)
_DATA: Final = Form(rest=Field("data", checks.base64), joined=True)
_LOCATOR: Final = Field("locator", checks.of_form(_FIXED_LOCATOR, "four groups of four hexadecimal digits"))
_PREFERENCE: Final = _numbers(preference=_U16)


def _eui(octets: int) -> Form:
    form = re.compile(rf"[0-9A-Fa-f]{{2}}(?:-[0-9A-Fa-f]{{2}}){{{octets - 1}}}\Z")
    return Form((Field("address", checks.of_form(form, f"{octets} pairs of hexadecimal digits separated by hyphens")),))


FORMS: Final[Mapping[str, Form]] = MappingProxyType(
    {
        "AMTRELAY": Form(
            (*_numbers(precedence=_U8, discovery_optional=1, relay_type=3), Field("relay", checks.anything)),
            whole=checks.gateway(2),
        ),
        "APL": Form(rest=Field("item", checks.apl_item)),
        "AVC": _STRINGS,
        "BRID": _DATA,
        "CDNSKEY": _DNSKEY,
        "CERT": Form(
            (
                Field("type", checks.named_number(_CERTIFICATES, _U16)),
                *_numbers(key_tag=_U16),
                Field("algorithm", checks.algorithm),
            ),
            Field("certificate", checks.base64),
            joined=True,
        ),
        "CSYNC": Form(_numbers(serial=_U32, flags=_U16), _TYPES, least=0),
        "DHCID": _DATA,
        "DNSKEY": _DNSKEY,
        "DSYNC": Form(
            (
                _TYPES,
                Field("scheme", checks.named_number(("NOTIFY",), _U8)),
                *_numbers(port=_U16),
                Field("target", checks.name),
            )
        ),
        "EUI48": _eui(6),
        "EUI64": _eui(8),
        "GPOS": Form(
            whole=checks.geography,
            fields=tuple(
                Field(name, checks.of_form(_DECIMAL, "a decimal number"), True)
                for name in ("latitude", "longitude", "altitude")
            ),
        ),
        "HHIT": _DATA,
        "HINFO": Form((Field("processor", checks.string, True), Field("system", checks.string, True))),
        "HIP": Form(
            (*_numbers(algorithm=_U8), Field("identity tag", checks.hexadecimal), _KEY),
            Field("server", checks.name),
            least=0,
        ),
        "IPSECKEY": Form(
            (*_numbers(precedence=_U8, gateway_type=3, algorithm=_U8), Field("gateway", checks.anything)),
            _KEY,
            joined=True,
            whole=checks.gateway(1),
        ),
        "ISDN": Form((Field("address", checks.string, True),), Field("subaddress", checks.string, True), least=0),
        "KEY": Form(
            (Field("flags", checks.anything), Field("protocol", checks.anything), Field("algorithm", checks.algorithm)),
            _KEY,
            joined=True,
        ),
        "L32": Form((*_PREFERENCE, Field("locator", checks.address))),
        "L64": Form((*_PREFERENCE, _LOCATOR)),
        "LOC": Form(rest=Field("field", checks.anything), whole=checks.location),
        "LP": Form((*_PREFERENCE, Field("name", checks.name))),
        "NAPTR": Form(
            (
                *_numbers(order=_U16, preference=_U16),
                *(Field(name, checks.string, True) for name in ("flags", "service", "regexp")),
                Field("replacement", checks.name),
            )
        ),
        "NID": Form((*_PREFERENCE, _LOCATOR)),
        "NINFO": _STRINGS,
        "NSAP": Form(
            (
                Field(
                    "address",
                    checks.of_form(re.compile(r"0x(?:\.?[0-9A-Fa-f]\.?[0-9A-Fa-f])+\.?\Z"), "0x and pairs of digits"),
                ),
            )
        ),
        "NSEC": Form((Field("next name", checks.name),), _TYPES),
        "NSEC3": Form(
            (
                *_numbers(hash_algorithm=_U8, flags=_U8, iterations=_U16),
                Field("salt", checks.salt),
                Field("next hash", checks.next_hash),
            ),
            _TYPES,
            least=0,
        ),
        "NSEC3PARAM": Form((*_numbers(hash_algorithm=_U8, flags=_U8, iterations=_U16), Field("salt", checks.salt))),
        "OPENPGPKEY": Form(rest=_KEY, joined=True),
        "PX": Form((*_PREFERENCE, Field("first name", checks.name), Field("second name", checks.name))),
        "RESINFO": _STRINGS,
        "RRSIG": Form(
            (
                _TYPES,
                Field("algorithm", checks.algorithm),
                *_numbers(labels=_U8, TTL=_U32),
                Field("expiration", checks.time),
                Field("inception", checks.time),
                *_numbers(key_tag=_U16),
                Field("signer", checks.name),
            ),
            Field("signature", checks.base64),
            joined=True,
        ),
        "RT": Form((*_PREFERENCE, Field("host", checks.name))),
        "WALLET": _STRINGS,
    }
)
