"""MessagePack in pure Python: records packed, unpacked and streamed."""

import os

os.environ["MSGPACK_PUREPYTHON"] = "1"

import inputs  # noqa: E402
import msgpack  # noqa: E402
from msgpack.fallback import Packer, Unpacker  # noqa: E402

DEFAULT_SIZE = 3000
PACKAGES = ("msgpack",)


def run(step, size):
    assert msgpack.Packer is Packer, "the extension module was taken"
    for i in range(size):
        rng = inputs.generator(i)
        data = [inputs.record(rng, 2) for _ in range(3)]
        packer = Packer(use_bin_type=True)
        packed = b"".join(packer.pack(each) for each in data)
        unpacker = Unpacker(raw=False)
        found = []
        for begin in range(0, len(packed), 1000):
            unpacker.feed(packed[begin:begin + 1000])
            found += list(unpacker)
        assert found == data
        step(packed)
