"""CBOR in pure Python: records with tags, dates and shared values encoded and decoded."""

import datetime
import decimal

import inputs
from cbor2._decoder import loads
from cbor2._encoder import dumps

DEFAULT_SIZE = 4200
PACKAGES = ("cbor2",)


def run(step, size):
    for i in range(size):
        rng = inputs.generator(i)
        day = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc) + datetime.timedelta(hours=i)
        data = {"records": [inputs.record(rng, 2) for _ in range(2)], "when": day, "exact": decimal.Decimal(i) / 7,
                "big": 1 << (i % 200), "bytes": bytes(range(i % 200)), "set": {1, 2, i}}
        packed = dumps(data, canonical=bool(i % 2))
        assert loads(packed) == data
        step(packed)
