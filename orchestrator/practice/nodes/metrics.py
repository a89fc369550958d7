"""Counters, gauges and histograms in Prometheus' text format.

Written by hand since it is a page of code and the client library costs a
noticeable part of the start; a test reads it with that library. It pushes
nothing anywhere.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

from aiohttp import web

Labels: TypeAlias = tuple[str, ...]

BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Metric(Protocol):
    """Something that can write itself down."""

    def lines(self) -> Iterator[str]:
        """The metric in the text format."""
        ...


class Counter:
    """A number for each combination of labels that only grows."""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._values: dict[Labels, float] = {}

    def add(self, *labels: str, by: float = 1) -> None:
        """Count once more."""
        self._values[labels] = self._values.get(labels, 0) + by

    def value(self, *labels: str) -> float:
        """What was counted so far."""
        return self._values.get(labels, 0)

    def lines(self) -> Iterator[str]:
        """The metric in the text format."""
        yield from _head(self._name, self._text, "counter")
        for labels, value in self._values.items():
            yield f"{self._name}{_braces(self._labels, labels)} {_number(value)}"


class Gauge:
    """Values that are looked up when asked for."""

    def __init__(
        self,
        name: str,
        text: str,
        labels: Sequence[str],
        read: Callable[[], Iterable[tuple[Labels, float]]],
    ) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._read = read

    def lines(self) -> Iterator[str]:
        """The metric in the text format."""
        yield from _head(self._name, self._text, "gauge")
        for labels, value in self._read():
            yield f"{self._name}{_braces(self._labels, labels)} {_number(value)}"


class Histogram:
    """How durations spread, for each combination of labels.

    Units: seconds.
    """

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def observe(self, seconds: float, *labels: str) -> None:
        """Take in one duration."""
        counts = self._counts.setdefault(labels, [0] * (len(BUCKETS) + 1))
        counts[bisect_left(BUCKETS, seconds)] += 1
        self._sums[labels] = self._sums.get(labels, 0.0) + seconds

    def lines(self) -> Iterator[str]:
        """The metric in the text format."""
        yield from _head(self._name, self._text, "histogram")
        for labels, counts in self._counts.items():
            yield from self._series(labels, counts)

    def _series(self, labels: Labels, counts: Sequence[int]) -> Iterator[str]:
        names = (*self._labels, "le")
        total = 0
        for bound, number in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
            total += number
            yield f"{self._name}_bucket{_braces(names, (*labels, bound))} {total}"
        braces = _braces(self._labels, labels)
        yield f"{self._name}_sum{braces} {_number(self._sums[labels])}"
        yield f"{self._name}_count{braces} {total}"


class Registry:
    """Metrics that are shown on one page."""

    def __init__(self) -> None:
        self._metrics: list[Metric] = []

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        """A new counter on the page."""
        metric = Counter(name, text, labels)
        self._metrics.append(metric)
        return metric

    def histogram(self, name: str, text: str, *labels: str) -> Histogram:
        """A new histogram on the page."""
        metric = Histogram(name, text, labels)
        self._metrics.append(metric)
        return metric

    def gauge(
        self,
        name: str,
        text: str,
        *labels: str,
        read: Callable[[], Iterable[tuple[Labels, float]]],
    ) -> None:
        """A new gauge on the page."""
        self._metrics.append(Gauge(name, text, labels, read))

    def page(self) -> str:
        """All metrics in the text format."""
        return "".join(f"{line}\n" for metric in self._metrics for line in metric.lines())

    def response(self) -> web.Response:
        """The page as an HTTP answer."""
        headers = {"Content-Type": CONTENT_TYPE}
        return web.Response(body=self.page().encode(), headers=headers)


_ESCAPES: Final[Mapping[int, str]] = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def _head(name: str, text: str, kind: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _braces(names: Sequence[str], values: Labels) -> str:
    if not names:
        return ""
    pairs = (f'{n}="{v.translate(_ESCAPES)}"' for n, v in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
