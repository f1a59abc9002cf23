"""What consuming measures."""

from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter("consumed_events", "Records that came to their end, by what became of them.", ["topic", "outcome"])
BATCH_SIZE = Histogram(
    "consumed_batch_size", "Records of a batch.", ["topic"], buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
)
BATCH_SECONDS = Histogram(
    "consumed_batch_seconds",
    "Seconds from a batch's coming to its committed offsets.",
    ["topic"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
LAG = Gauge("consumed_lag", "Records that have not been consumed, as of the last batch.", ["topic", "partition"])
LATER = Counter("consumed_again", "Batches that are to be tried again, by why.", ["topic", "error"])
STOPPED = Gauge(
    "consumed_stopped_partitions", "Partitions that stand still because too much of them is parked.", ["topic"]
)
PARKED = Gauge("parked_records", "Records that are parked, or stay behind one that is.", ["topic"])
PARKED_AGE = Gauge("parked_oldest_seconds", "Age of the oldest record that is parked.", ["topic"])
