"""The metrics page, read by Prometheus' own parser."""

from prometheus_client.parser import text_string_to_metric_families

from orchestrator.practice.nodes.metrics import Registry


def families(registry: Registry) -> dict[str, dict[tuple[str, ...], float]]:
    """Every sample by its name, and then by the values of its labels."""
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(registry.page()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


def test_counter_is_read_back_by_label() -> None:
    registry = Registry()
    counter = registry.counter("shop_requests_total", "Requests.", "service", "code")

    counter.add("cart", "200")
    counter.add("cart", "200")
    counter.add("cart", "503")

    samples = families(registry)["shop_requests_total"]
    assert samples == {("cart", "200"): 2, ("cart", "503"): 1}


def test_label_with_quotes_and_newlines_survives() -> None:
    registry = Registry()
    counter = registry.counter("odd_total", "Odd.", "what")
    odd = 'a "quoted" \\ and\nbroken line'

    counter.add(odd)

    assert families(registry)["odd_total"] == {(odd,): 1}


def test_histogram_counts_up_to_each_bound() -> None:
    registry = Registry()
    histogram = registry.histogram("took_seconds", "Took.", "service")

    for seconds in (0.005, 0.006, 0.3, 9.0):
        histogram.observe(seconds, "cart")

    samples = families(registry)
    assert samples["took_seconds_bucket"]["cart", "0.005"] == 1
    assert samples["took_seconds_bucket"]["cart", "0.01"] == 2
    assert samples["took_seconds_bucket"]["cart", "0.5"] == 3
    assert samples["took_seconds_bucket"]["cart", "+Inf"] == 4
    assert samples["took_seconds_count"]["cart",] == 4
    assert samples["took_seconds_sum"]["cart",] == 9.311


def test_gauge_is_looked_up_at_each_reading() -> None:
    registry = Registry()
    ready = [2.0]
    registry.gauge("ready", "Ready.", "deployment", read=lambda: [(("cart",), ready[0])])

    before = families(registry)["ready"]
    ready[0] = 0.0

    assert before == {("cart",): 2}
    assert families(registry)["ready"] == {("cart",): 0}
