"""`syncflow entities`: which ERP tables are synced, and how."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from syncflow.cli.figures import table
from syncflow.cli.output import note, say, say_json
from syncflow.cli.session import session
from syncflow.errors import UsageError
from syncflow.i18n.catalog import N_, _, plural
from syncflow.model import Entity

STANDARD_INPUT = Path("-")

app = typer.Typer(
    help="Which ERP tables are synced, and how.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_NAME = typer.Argument(metavar="ENTITY", help="The entity's name.")
_SET = typer.Option(
    "--set",
    metavar="KEY=YAML",
    help="A field as it stands in the YAML file; give it once for each field.",
)
_JSON = typer.Option("--json", help="As JSON.")


@app.command()
def discover() -> None:
    """Propose entities from APISmith, as YAML.

    Those that are configured already are left out.

    For example: syncflow entities discover > entities.yaml
    """
    with session() as runtime:
        proposed = runtime.entities.discover()
    sys.stdout.write(_yaml(proposed))
    if proposed:
        note(
            plural(
                "{n} entity proposed. Check the business key and add parent_refs, then: "
                "syncflow entities import FILE.yaml",
                "{n} entities proposed. Check the business keys and add parent_refs, then: "
                "syncflow entities import FILE.yaml",
                len(proposed),
            )
        )
    else:
        note(_("Nothing to propose: every API that APISmith publishes is configured, or it publishes none."))


@app.command("list")
def list_(json: Annotated[bool, _JSON] = False) -> None:
    """List the entities, parents before children."""
    with session() as runtime:
        found = runtime.entities.all()
    if json:
        say_json(found)
    elif not found:
        note(_("No entity is configured. Begin with: syncflow entities discover > entities.yaml"))
    else:
        header = [N_("entity"), N_("api"), N_("strategy"), N_("business key"), N_("parents"), N_("enabled")]
        for line in table(header, [_row(entity) for entity in found], left=header):
            say(line)


@app.command()
def show(name: Annotated[str, _NAME], json: Annotated[bool, _JSON] = False) -> None:
    """Show how one entity is configured, as YAML."""
    with session() as runtime:
        entity, text = runtime.entities.get(name), runtime.entities.export_yaml([name])
    if json:
        say_json(entity)
    else:
        sys.stdout.write(text)


@app.command()
def create(name: Annotated[str, _NAME], fields: Annotated[list[str] | None, _SET] = None) -> None:
    """Configure a new entity.

    For example: syncflow entities create sites --set 'business_key=[site_code]' --set delta_strategy=hash
    """
    given = _fields(fields)
    with session() as runtime:
        entity = runtime.entities.create(name, given)
    say(_("Created {entity}. Sync it with: syncflow sync {entity}").format(entity=entity.name))


@app.command()
def update(name: Annotated[str, _NAME], fields: Annotated[list[str] | None, _SET] = None) -> None:
    """Change fields of an entity.

    An empty value takes a field back to its default.

    For example: syncflow entities update sites --set delete_mode=soft --set hash_exclude=
    """
    changes = _fields(fields)
    if not changes:
        raise UsageError("Nothing to change. Say what: syncflow entities update {name} --set KEY=YAML", name=name)
    with session() as runtime:
        entity = runtime.entities.update(name, changes)
    say(_("Changed {entity}: {changes}.").format(entity=entity.name, changes=", ".join(changes)))


@app.command()
def delete(
    name: Annotated[str, _NAME], yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Forget an entity and how far it was synced.

    Its table in ScheduleHub stays as it is.
    """
    with session() as runtime:
        runtime.entities.get(name)
        if not yes and not _confirmed(name):
            note(_("{name} stays.").format(name=name))
            return
        runtime.entities.delete(name)
    say(_("Deleted {entity}. Its table in ScheduleHub stays as it is.").format(entity=name))


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.yaml", help="The file; - is standard input.")],
) -> None:
    """Create or change the entities of a YAML file.

    All of them or, when one is wrong, none; those that stand as the file says are left alone.
    """
    text = _read(file)
    with session() as runtime:
        done = runtime.entities.import_yaml(text, "standard input" if file == STANDARD_INPUT else str(file))
    for verb, names in (
        (_("Created"), done.created),
        (_("Changed"), done.updated),
        (_("As before"), done.unchanged),
    ):
        if names:
            say(f"{verb}: {', '.join(names)}.")


@app.command()
def export(names: Annotated[list[str] | None, typer.Argument(metavar="ENTITY", help="Only these.")] = None) -> None:
    """Print entities as YAML that import takes.

    All of them, unless some are named.
    """
    with session() as runtime:
        sys.stdout.write(runtime.entities.export_yaml(names or []))


@app.command()
def tables() -> None:
    """Print the tables that ScheduleHub must have.

    As JSON, for the configured entities.

    A ScheduleHub with the capability `tables` makes them itself; for another one this says what is needed.
    """
    from syncflow.service.target_tables import in_words  # deferred: help need not wait for the service

    with session() as runtime:
        say_json(in_words(runtime.entities.tables()))


def _yaml(entities: list[Entity]) -> str:
    from syncflow.service.entity_yaml import write_entities  # deferred: help need not wait for the service

    return write_entities(entities)


def _row(entity: Entity) -> list[str]:
    return [
        entity.name,
        entity.api,
        entity.delta_strategy,
        ", ".join(entity.business_key),
        ", ".join(dict.fromkeys(ref.entity for ref in entity.parent_refs)),
        _("yes") if entity.sync_enabled else _("no"),
    ]


def _fields(given: Sequence[str] | None) -> Mapping[str, str]:
    fields: dict[str, str] = {}
    for one in given or ():
        key, separator, text = one.partition("=")
        if not separator or not key.strip():
            raise UsageError(
                "--set takes KEY=YAML, for example --set delete_mode=soft, and not {given}.", given=repr(one)
            )
        fields[key.strip()] = text
    return fields


def _confirmed(name: str) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(
            "Nobody is there to confirm that {name} is to be deleted. Say so: syncflow entities delete {name} --yes",
            name=name,
        )
    asked = _("Delete {entity}, and forget how far it was synced? Its table in ScheduleHub stays.")
    return typer.confirm(asked.format(entity=name), err=True)


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if file == STANDARD_INPUT else file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(
            "{file} is not UTF-8 text (byte {byte}). Save it as UTF-8.", file=file, byte=str(error.start)
        ) from error
    except OSError as error:
        raise UsageError(
            "{file} cannot be read: {reason}. Name a YAML file that is there.", file=file, reason=error.strerror
        ) from error
