"""Reads Prometheus' text format 0.0.4 as strictly as it is written down."""

import re
import urllib.error
import urllib.request
from dataclasses import dataclass

_SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
_ESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Scrape:
    kinds: dict[str, str]
    samples: dict[tuple[str, Labels], float]

    def value(self, name: str, **labels: str) -> float:
        return self.samples[name, frozenset(labels.items())]

    def names(self) -> set[str]:
        return {name for name, _ in self.samples}


def parse(text: str) -> Scrape:
    """Fails on whatever a scraper would refuse: a sample without its family's head, the same sample twice."""
    assert text.endswith("\n")
    kinds: dict[str, str] = {}
    helped: list[str] = []
    samples: dict[tuple[str, Labels], float] = {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            name, _, said = line.removeprefix("# HELP ").partition(" ")
            assert name not in helped
            assert said
            helped.append(name)
        elif line.startswith("# TYPE "):
            name, kind = line.removeprefix("# TYPE ").split(" ")
            assert name == helped[-1]
            assert kind in ("counter", "gauge")
            kinds[name] = kind
        else:
            found = _SAMPLE.fullmatch(line)
            assert found is not None, line
            name, labels, value = found.groups()
            assert name == helped[-1], line
            assert (name, _labels(labels or "")) not in samples, line
            samples[name, _labels(labels or "")] = float(value)
    assert all(name.endswith("_total") for name, kind in kinds.items() if kind == "counter")
    return Scrape(kinds, samples)


def _labels(text: str) -> Labels:
    found, at = [], 0
    while at < len(text):
        label = _LABEL.match(text, at)
        assert label is not None, text
        value = re.sub(r"\\[\\\"n]", lambda escape: _ESCAPED[escape.group()], label.group(2))
        found.append((label.group(1), value))
        at = label.end()
    return frozenset(found)


@dataclass(frozen=True)
class Got:
    status: int
    body: str
    content_type: str


def get(url: str) -> Got:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return Got(answer.status, answer.read().decode(), answer.headers["Content-Type"])
    except urllib.error.HTTPError as error:
        return Got(error.code, error.read().decode(), error.headers["Content-Type"])
