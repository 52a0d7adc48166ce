"""`make locales`: brings the catalogues up to date with the texts of the code, compiles them, and says what is missing.

A catalogue has a line for each text, in alphabetical order, without places and dates: it changes when texts change.
English is its own translation.
"""

import ast
import sys
from collections.abc import Iterator
from copy import deepcopy
from inspect import isclass
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po
from compiling import HERE, compile_all, is_whole
from typer.main import get_command

from syncflow import errors
from syncflow.cli.help_words import texts
from syncflow.cli.main import app

ROOT = HERE.parent
LANGUAGES = ("ar", "en", "fa", "tr")
PACKAGES = ("syncflow", "tui")
PLURALS = {
    "en": "nplurals=2; plural=(n != 1);",
    "fa": "nplurals=1; plural=0;",
    "tr": "nplurals=1; plural=0;",
    "ar": "nplurals=6; plural=(n==0 ? 0 : n==1 ? 1 : n==2 ? 2 : n%100>=3 && n%100<=10 ? 3 : n%100>=11 ? 4 : 5);",
}
"""A noun stays as it is behind a number in Persian and Turkish; 49 is `many` in Arabic, 100 is `other`. Babel's own
rules say otherwise, and are others from version to version."""
ERRORS = frozenset(name for name, kind in vars(errors).items() if isclass(kind) and issubclass(kind, Exception))
"""An error is given the template of what it says."""
KEYWORDS = {"_": 1, "N_": 1, "_said": 1, "Text": 1, "Takes": 1, "plural": 2, "Counted": 2, **dict.fromkeys(ERRORS, 1)}
"""How many of the first arguments are texts: the forms of one sentence."""


def template() -> Catalog:
    """Every text that is marked in the code, and the help of the command line."""
    found = Catalog(project="SyncFlow", charset="utf-8")
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            for text in marked(ast.parse(file.read_text(encoding="utf-8"))):
                found.add(text)
    for text in texts(get_command(app)):
        found.add(text)
    return found


def marked(tree: ast.Module) -> Iterator[str | tuple[str, ...]]:
    """The texts of one module, however deep the calls are that they are given to."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            values = (getattr(each, "value", None) for each in call.args[: KEYWORDS.get(name, 0)])
            forms = tuple(value for value in values if value and isinstance(value, str))
            if forms and len(forms) == KEYWORDS[name]:
                yield forms[0] if len(forms) == 1 else forms


def file_of(language: str) -> Path:
    return HERE / language / "LC_MESSAGES" / "syncflow.po"


def read(language: str) -> Catalog:
    """The catalogue as it stands, empty where there is none."""
    try:
        return read_po(BytesIO(file_of(language).read_bytes()), locale=language)
    except FileNotFoundError:
        return Catalog(locale=language, project="SyncFlow", fuzzy=False)


def updated(language: str, texts: Catalog) -> Catalog:
    catalogue = read(language)
    catalogue.update(deepcopy(texts), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    if language == "en":
        for message in _messages(catalogue):
            message.string = message.id
    return catalogue


def _messages(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def written(catalogue: Catalog) -> bytes:
    """The file's text; its head names nothing that differs from one day or tool to another."""
    out = BytesIO()
    write_po(out, catalogue, no_location=True, sort_output=True, omit_header=True, width=120, ignore_obsolete=True)
    kind = f"language {catalogue.locale_identifier}"
    head = (
        f"# SyncFlow, {kind}. `make locales` keeps the order and adds what is new.\n"
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalogue.locale_identifier}\\n"\n'
        f'"Plural-Forms: {PLURALS[str(catalogue.locale_identifier)]}\\n"\n'
        '"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n\n'
    )
    return head.encode() + out.getvalue()


def missing(catalogue: Catalog) -> list[str]:
    """The texts that have no translation, or one that nobody has looked at."""
    return [str(message.id) for message in _messages(catalogue) if message.fuzzy or not is_whole(message)]


def main() -> int:
    texts = template()
    lacking = 0
    for language in LANGUAGES:
        catalogue = updated(language, texts)
        file = file_of(language)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(written(catalogue))
        untranslated = missing(catalogue)
        lacking += len(untranslated)
        sys.stdout.write(f"{language}: {len(catalogue)} texts, {len(untranslated)} without a translation\n")
        for text in untranslated:
            sys.stdout.write(f"    {text!r}\n")
    compile_all()
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
