"""Makes of each catalogue what gettext reads: `syncflow.mo` beside `syncflow.po`."""

from pathlib import Path
from tempfile import NamedTemporaryFile

from babel.messages.catalog import Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

HERE = Path(__file__).parent


def compile_all() -> list[Path]:
    """Compile every catalogue that is newer than what was made of it; the compiled files of all."""
    compiled = []
    for source in sorted(HERE.glob("*/LC_MESSAGES/*.po")):
        made = source.with_suffix(".mo")
        if not made.exists() or made.stat().st_mtime_ns < source.stat().st_mtime_ns:
            _compile(source, made)
        compiled.append(made)
    return compiled


def is_whole(message: Message) -> bool:
    """Whether it has a translation, in all forms."""
    return all(message.string) if isinstance(message.string, tuple) else bool(message.string)


def _compile(source: Path, made: Path) -> None:
    """What is not translated stays English, and must not become an empty text."""
    with source.open("rb") as read:
        catalogue = read_po(read)
    for message in [each for each in catalogue if not is_whole(each)]:
        catalogue.delete(message.id)
    with NamedTemporaryFile(dir=made.parent, delete=False) as written:
        write_mo(written, catalogue)
    Path(written.name).chmod(0o644)
    Path(written.name).replace(made)  # whole at once, since several may do this, and others read it


if __name__ == "__main__":
    compile_all()
