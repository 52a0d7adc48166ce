"""The key of a record as a person types it, and as a command repeats it."""

import shlex
from collections.abc import Mapping, Sequence

from syncflow.engine.explain_source import Sought
from syncflow.engine.masked import masked_fields
from syncflow.engine.plan import nearest
from syncflow.errors import UsageError
from syncflow.i18n.texts import Text
from syncflow.model import Plan


def key_parts(plan: Plan, key: Sequence[str]) -> dict[str, str]:
    """Target name -> text, from the parts in the order of the business key, or from `field=value` (target or source
    names, upper or lower case). Raises UsageError, with the form that is right, for anything else."""
    names = plan.business_key
    form = Text(
        "The key of {entity} is {names}: syncflow explain {entity} {typed}",
        entity=plan.entity,
        names=", ".join(names),
        typed=" ".join(name.upper() for name in names),
    )
    given = _named(plan, key, form) or _in_order(plan, key, form)
    missing = [name for name in names if not given.get(name)]
    if missing:
        raise UsageError("Nothing was given for {missing}. {form}", missing=", ".join(missing), form=form)
    return given


def _named(plan: Plan, key: Sequence[str], form: Text) -> dict[str, str]:
    """The parts where all are `field=value`; nothing where none of them names a field of the entity."""
    known = {alias.lower(): column.target for column in plan.columns for alias in (column.source, column.target)}
    pairs = [(known.get(part.partition("=")[0].strip().lower()), part) for part in key if "=" in part]
    if not any(name is not None for name, _ in pairs):
        return {}
    if len(pairs) < len(key):
        raise UsageError("Some values were given with a field's name and some without. {form}", form=form)
    given: dict[str, str] = {}
    for name, part in pairs:
        word, _, value = part.partition("=")
        if name not in plan.business_key:
            raise UsageError(
                "{word} is not part of the key{near}. {form}",
                word=word,
                near=nearest(word, plan.business_key),
                form=form,
            )
        if name in given:
            raise UsageError("{name} was given twice. {form}", name=name, form=form)
        given[name] = value
    return given


def _in_order(plan: Plan, key: Sequence[str], form: Text) -> dict[str, str]:
    if len(key) != len(plan.business_key):
        raise UsageError(
            "{given} values were given for a key of {needed}. {form}",
            given=len(key),
            needed=len(plan.business_key),
            form=form,
        )
    return dict(zip(plan.business_key, key, strict=True))


def explain_command(entity: str, parts: Mapping[str, str]) -> str:
    """The command for the record of these key values, safe for a shell."""
    words = " ".join(shlex.quote(f"{name}={value}") for name, value in parts.items())
    return f"syncflow explain {entity} {words}"


def ask_again(plan: Plan, wanted: Sought) -> str | None:
    """The command that asks for this record once more; None where its key is not to be shown."""
    if masked_fields(plan) & set(plan.business_key):
        return None
    return explain_command(plan.entity, {name: spelled[0] for name, spelled in wanted.spellings.items()})
