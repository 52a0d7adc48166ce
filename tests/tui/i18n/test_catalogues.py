"""The catalogues: nothing is missing, placeholders and plural forms agree, and no text of the code is unmarked."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
import update
from babel.messages.catalog import Catalog, Message

from syncflow.errors import SyncFlowError
from syncflow.i18n.catalog import plural, use

REPOSITORY = Path(__file__).parents[3]
pytestmark = pytest.mark.unit
TRANSLATED = ("fa", "ar", "tr")
MARKS = ("_", "N_", "plural", "Text", "Counted", "Option", "Argument", "Typer")
NUMBERLESS = {"ar": 3, "fa": 0, "tr": 0}
"""How many forms from the first on may leave the number out, since the word itself says it: none, one, two."""


@pytest.fixture(scope="module")
def template() -> Catalog:
    return update.template()


@pytest.mark.parametrize("language", update.LANGUAGES)
def test_the_catalogue_has_the_texts_of_the_code_and_no_others(language: str, template: Catalog) -> None:
    """`make locales` brings it up to date."""
    stands = {message.id for message in update.read(language) if message.id}
    assert stands == {message.id for message in template if message.id}


@pytest.mark.parametrize("language", update.LANGUAGES)
def test_the_file_is_as_it_is_written(language: str, template: Catalog) -> None:
    assert update.file_of(language).read_bytes() == update.written(update.updated(language, template))


@pytest.mark.parametrize("language", update.LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    assert not update.missing(update.read(language))


@pytest.mark.parametrize("language", update.LANGUAGES)
def test_placeholders_agree(language: str) -> None:
    wrong = [found for message in _messages(language) for found in _wrong_placeholders(language, message)]
    assert not wrong


def _messages(language: str) -> Iterator[Message]:
    return (message for message in update.read(language) if message.id and update.is_whole(message))


def _wrong_placeholders(language: str, message: Message) -> Iterator[str]:
    if not isinstance(message.id, tuple):
        if _placeholders(message.string) != _placeholders(message.id):
            yield f"{message.id!r}: {message.string!r}"
        return
    wanted = _placeholders(message.id[1])
    for form, text in enumerate(message.string):
        optional = ["n"] if form < NUMBERLESS.get(language, 0) or "n" not in _placeholders(message.id[0]) else []
        found = _placeholders(text)
        if sorted(found) != wanted and sorted([*found, *optional]) != wanted:
            yield f"{message.id!r}, form {form}: {text!r}"


def _placeholders(text: str) -> list[str]:
    return sorted(name for _text, name, _spec, _kind in Formatter().parse(text) if name is not None)


FORMS = {"ar": 6, "en": 2, "fa": 1, "tr": 1}


@pytest.mark.parametrize("language", update.LANGUAGES)
def test_plural_forms_are_those_of_the_language(language: str) -> None:
    catalogue = update.read(language)
    assert catalogue.num_plurals == FORMS[language]
    for message in catalogue:
        if isinstance(message.id, tuple) and message.id:
            assert len(message.string) == catalogue.num_plurals, message.id


def test_arabic_numbers_take_the_form_that_arabic_wants() -> None:
    forms = {
        0: "لا صفوف",
        1: "صف واحد",
        2: "صفان",
        3: "٣ صفوف",
        110: "١١٠ صفوف",
        11: "١١ صفًا",
        49: "٤٩ صفًا",
        100: "١٠٠ صف",
    }
    use("ar")
    try:
        assert {number: plural("{n} row", "{n} rows", number) for number in forms} == forms
    finally:
        use("en")


@pytest.mark.parametrize("language", TRANSLATED)
def test_blanks_signs_and_commands_stay(language: str) -> None:
    wrong = []
    for message in _messages(language):
        for source, text in _pairs(message):
            if _kept(source) != _kept(text) or _edges(source) != _edges(text):
                wrong.append(f"{source!r}: {text!r}")
    assert not wrong


def _pairs(message: Message) -> Iterator[tuple[str, str]]:
    if isinstance(message.id, tuple):
        yield from ((message.id[1], text) for text in message.string)
    else:
        yield message.id, message.string


def _kept(text: str) -> list[str]:
    """What a translator takes over as it is: what stands in backticks, and signs that tell states."""
    return sorted(re.findall(r"`[^`]*`|[✔✖▲●○◌▶◑◐←→↑↓·]", text))


def _edges(text: str) -> tuple[str, str]:
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_signs_that_steer_the_direction(language: str) -> None:
    steering = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
    assert not [text for message in _messages(language) for _s, text in _pairs(message) if steering.search(text)]


_NAMES = """
    SyncFlow APISmith ScheduleHub PostgreSQL Oracle JSON YAML CSV JSONL README Terminals Enter Esc Space Tab ctrl Ctrl
    NULL EDITOR tmux kitty PuTTY SSH URL UTF API Parquet HTTP cron space always daily weekdays mon wed fri sat all open
    resolved entity import full incremental systemd psql HTTP ERP base none json ndjson arrow tables identities upsert
    csv jsonl parquet lines SSH Ctrl slug syncflow cd rm rowversion xterm color
    Arrow NaN uid uuid root postgres nobody tzdata lookback entities evolve match
    pattern jalali true false min days weekend HS pg test development staging production VARCHAR CHAR NUMBER DATE
    TIMESTAMP CLOB RAW reference range in Python polars chrony timesyncd systemctl start openssl rand hex
"""
NAMES = frozenset(_NAMES.split())
"""Names, and words that are typed as they are, in every language."""
_TYPED = re.compile(
    r"`[^`]*`|\b[a-z_]+: [a-z]+|pip install '[^']*'|big-endian|syncflow [a-z].*"
    r"|\{[^}]*\}|\w+=\w+|[:!]\w+|\b[a-z_]+:[\w.]*|[\w.]*[/_.]\w+|\$\w+|--[\w-]+"
    r"|\b[A-Z_]+\b|ctrl\+\w|\b\w\b"
)
"""What is typed or filled in: commands, placeholders, filters, paths, options, variables, single keys."""


@pytest.mark.parametrize("language", ["fa", "ar"])
def test_no_english_is_left_over(language: str) -> None:
    """A Latin word in a Persian or Arabic text is a name, or stands where something is typed."""
    left = []
    for message in _messages(language):
        for source, text in _pairs(message):
            words = set(re.findall(r"[A-Za-z]{2,}", _TYPED.sub(" ", text))) - NAMES
            if words - _quoted(source):
                left.append(f"{source!r}: {sorted(words)} in {text!r}")
    assert not left


def _quoted(source: str) -> set[str]:
    """Words that are typed as they are, after a command or in a list of choices."""
    found = re.findall(r"(?:syncflow|explain|sync|lang|bidi|report|purge) [\w|. {}-]+", source)
    return {word for command in found for word in re.findall(r"[A-Za-z]{2,}", command)}


def test_no_turkish_text_is_the_english_one() -> None:
    same = [source for message in _messages("tr") for source, text in _pairs(message) if source == text]
    assert not [text for text in same if set(re.findall(r"[A-Za-z]{2,}", _TYPED.sub(" ", text))) - NAMES - TURKISH]


TURKISH = {"log", "min", "plan", "terminal"}
"""Words that both languages have."""


CSS = ("CSS", "DEFAULT_CSS", "BINDING_GROUP_TITLE")
HUMAN = re.compile(r"[A-Za-z]{2,} +[A-Za-z]+|^[A-Z][a-z]+ | .*[a-z]\.$")
"""Two words with a blank between them, or what begins or ends as a sentence does."""
UNMARKED = {
    "log_tail.py",  # log lines are English
    "commands.py: ENTITY KEY..",
    "breakdown.py: the console broke down",
    "header.py: bold $accent reverse",
    "line.py: field to the left",
    "line.py: field to the right",
    "systemd_unit.py",  # a file for administrators
    "daemon.py: a setting was not read",  # a log line
    "demo_play.py: from syncflow.cli.main import main; main()",
    "demo_play.py: the company's entities.yaml",
    'demo_play.py: psql "$(syncflow db url)"',
    "doctor.py: TERM is not set",
    "entities.py: standard input",
    "sandbox_servers.py: it answers ",
}
COMMAND = re.compile(r"^(syncflow|systemctl) ")
_TYPED_LINE = re.compile(r"^syncflow [a-z]+ [a-z]+ $|^ --set ")


@pytest.mark.parametrize(
    "file",
    sorted([*(REPOSITORY / "tui").rglob("*.py"), *(REPOSITORY / "syncflow" / "cli").glob("*.py")]),
    ids=lambda file: file.name,
)
def test_every_text_for_a_person_is_marked(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = [text for text in _texts(tree) if HUMAN.search(text) and not COMMAND.search(text)]
    assert not [text for text in found if not {file.name, f"{file.name}: {text}"} & UNMARKED]


COMMANDS = {
    "systemd_unit.py",  # a file for systemd
    "daemon.py: a setting was not read",  # a log line
    "demo_play.py: from syncflow.cli.main import main; main()",
    "demo_play.py: the company's entities.yaml",  # the books' name of a file
    "demo_play.py: syncflow sandbox apismith --rows ",
    "demo_play.py: syncflow sandbox schedulehub",
    "demo_play.py: syncflow status",
    "demo_play.py: syncflow history",
    "demo_play.py: syncflow sync --all",
    'demo_play.py: psql "$(syncflow db url)"',
    "entities.py: standard input",  # a part of errors
    "sandbox_servers.py: it answers ",  # another
    "pending.py: missing parent",  # the name of a heading that is marked where it stands
    "service.py: systemctl daemon-reload && systemctl enable --now syncflow",
    "service.py: systemctl status syncflow, journalctl -u syncflow, syncflow health",
}
"""What the command line writes as it is in every language."""
_HELP = ("Typer", "Option", "Argument")


SERVICES = ("service/doctor*.py", "service/findings.py", "service/health.py", "service/night_report*.py",
            "scheduler/forecast.py")  # fmt: skip
"""What the services say in whole sentences."""


@pytest.mark.parametrize(
    "file",
    sorted(file for files in ("cli/**/*.py", *SERVICES) for file in (REPOSITORY / "syncflow").glob(files)),
    ids=lambda file: file.name,
)
def test_every_text_of_the_command_line_is_marked(file: Path) -> None:
    """Help is translated by the words themselves, and errors are templates of their own."""
    tree = _Said().visit(ast.parse(file.read_text(encoding="utf-8")))
    found = [text for text in _texts(tree) if HUMAN.search(text) and not _TYPED_LINE.search(text)]
    assert not [text for text in found if not {file.name, f"{file.name}: {text}"} & COMMANDS]


class _Said(ast.NodeTransformer):
    """Leaves of the code what says something besides help and errors."""

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return ast.Pass()

    def visit_Call(self, node: ast.Call) -> ast.AST:
        name = _name(node.func)
        if name in _HELP or name in ("Text", "Counted") or name.endswith("Error"):
            return ast.Constant(None)
        return self.generic_visit(node)


def _texts(node: ast.AST) -> Iterator[str]:
    """The strings of the code that are neither marked nor documentation, styles, types or queries."""
    if isinstance(node, ast.Call) and _name(node.func) in (*MARKS, *ERRORS):
        return
    if isinstance(node, ast.Assign) and _name(node.targets[0]) in CSS:
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Call) and _name(node.func) in ("query_one", "query", "cast", "styled", "set_class"):
        return
    if isinstance(node, ast.keyword) and node.arg in ("classes", "group", "id"):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for name, value in ast.iter_fields(node):
        if name not in ("annotation", "returns", "bases", "slice"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _texts(child)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _kinds_of(kind: type[Exception]) -> Iterator[type[Exception]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds_of(each)


@pytest.mark.parametrize("file", sorted((REPOSITORY / "syncflow").rglob("*.py")), ids=lambda file: file.name)
def test_an_error_is_given_a_template_and_values(file: Path) -> None:
    """A sentence that is put together of pieces stands in no catalogue. The sandbox speaks English."""
    if "sandbox" in file.parts:
        return
    given = [
        (call.lineno, call.args[0])
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and call.args and _name(call.func) in ERRORS
    ]
    assert not [line for line, text in given if isinstance(text, ast.JoinedStr | ast.BinOp)]


ERRORS = frozenset(kind.__name__ for kind in _kinds_of(SyncFlowError)) | {"Text", "Counted"}
