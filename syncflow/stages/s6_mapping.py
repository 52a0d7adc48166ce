"""Stage 6: from source names to target names, with what the mappings ask for."""

from dataclasses import replace

import polars as pl

from syncflow.chunk import ROW, Chunk
from syncflow.i18n.texts import Text
from syncflow.model import Plan, PlanColumn
from syncflow.rules.columns import as_rejections
from syncflow.rules.outcome import VALUE, Outcome, faults
from syncflow.rules.transformations import default_text, transform
from syncflow.rules.validation import parse_rule

STAGE = "s6_mapping"


def apply_mappings(chunk: Chunk, plan: Plan) -> Chunk:
    """Per column: transformation, then the default for NULL, then `required`, then the rule. The rows as they are then
    are kept as `mapped`."""
    mapped, rejected = [chunk.rows[ROW]], []
    for column in plan.columns:
        outcome = _map(chunk.rows[column.source], column)
        mapped.append(outcome.values.alias(column.target))
        if outcome.faults.height:
            rejected.append(as_rejections(outcome.faults, chunk.rows[ROW], STAGE, column.target))
    read = chunk.with_rows(pl.DataFrame(mapped))
    read = read.reject(pl.concat(rejected)) if rejected else read
    return replace(read, mapped=read.rows)


def _map(values: pl.Series, column: PlanColumn) -> Outcome:
    changed = transform(values, column.mapping.transformation)
    default = default_text(column.mapping, column.type)
    outcome = Outcome(changed if default is None else changed.fill_null(default))
    if column.mapping.required:
        outcome = outcome.then(lambda read: _require(read, column))
    return outcome.then(lambda read: _validate(read, column))


def _require(values: pl.Series, column: PlanColumn) -> Outcome:
    at = values.is_null().arg_true()
    if at.is_empty():
        return Outcome(values)
    reason = Text(
        "{field} is required, but {column} is empty. Fill it in the source, or give the field a default.",
        field=column.target,
        column=column.source,
    )
    return Outcome(values, faults(at, values.gather(at), "required_missing", reason))


def _validate(values: pl.Series, column: PlanColumn) -> Outcome:
    if column.mapping.validation_rule is None:
        return Outcome(values)
    rule = parse_rule(column.mapping.validation_rule, column.type, column.target)
    at = rule.broken(values).arg_true()
    reason = Text(
        "{value} breaks the rule {rule} of {field}. Correct the value in the source, or change the rule.",
        value=VALUE,
        rule=rule.text,
        field=column.target,
    )
    return Outcome(values, faults(at, values.gather(at), "rule_violated", reason))
