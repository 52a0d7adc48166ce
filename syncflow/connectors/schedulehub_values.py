"""The values of ScheduleHub's records as canonical text, so that they can be laid beside a row of the source."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import msgspec
import polars as pl

from syncflow.chunk import KEY
from syncflow.connectors.exchange import Answer
from syncflow.connectors.schedulehub_wire import DELETED_AT
from syncflow.errors import PageError
from syncflow.i18n.texts import Text
from syncflow.model import TargetTable

_RECORDS = msgspec.json.Decoder(list[dict[str, object]], float_hook=Decimal)
_NUMBERS = frozenset({"integer", "numeric"})
_TIMES = frozenset({"timestamp", "timestamptz"})
_ZEROS_OF_FRACTION = re.compile(r"(\.\d*?)0+$")


def read_values(answer: Answer, table: TargetTable) -> pl.DataFrame:
    """KEY and the columns of `table` that the records of a `batch/query` have; softly deleted ones are left out. Raises
    PageError for what is no list of records."""
    try:
        found = _RECORDS.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PageError(
            answer.error(Text("sent no readable records: {error} ({excerpt})", error=error, excerpt=answer.excerpt()))
        ) from error
    alive = [
        record for record in found if record.get(DELETED_AT) is None and isinstance(record.get("erp_key_hash"), str)
    ]
    columns: dict[str, list[str | None]] = {KEY: [str(record["erp_key_hash"]) for record in alive]}
    for column in table.columns:
        if any(column.name in record for record in alive):
            columns[column.name] = [_of(record, column.name, column.type) for record in alive]
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _of(record: Mapping[str, object], name: str, kind: str) -> str | None:
    value = record.get(name)
    return None if value is None else canonical_value(value, kind)


def canonical_value(value: object, kind: str) -> str:
    """A JSON value of a column as canonical text; as it is where it does not fit its type. `kind` is in the words of
    the capability `tables`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return msgspec.json.encode(value).decode()
    if kind in _NUMBERS:
        return _number(str(value))
    return _time(str(value)) if kind in _TIMES else str(value)


def _number(text: str) -> str:
    try:
        digits = format(Decimal(text), "f")
    except InvalidOperation:
        return text
    short = digits.rstrip("0").rstrip(".") if "." in digits else digits
    return "0" if short == "-0" else short


def _time(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = "" if moment.tzinfo is None else "Z"
    plain = moment if moment.tzinfo is None else moment.astimezone(UTC)
    return _ZEROS_OF_FRACTION.sub(r"\1", plain.replace(tzinfo=None).isoformat()).removesuffix(".") + zone
