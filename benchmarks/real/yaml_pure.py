"""PyYAML's pure Python loader and dumper: records with anchors, block texts and tags."""

import inputs
import yaml

DEFAULT_SIZE = 1600
PACKAGES = ("PyYAML",)


def run(step, size):
    for i in range(size):
        rng = inputs.generator(i)
        shared = inputs.words(rng, 3)
        data = {"records": [inputs.record(rng, 1) for _ in range(2)], "text": inputs.paragraph(rng) + "\nsecond line\n",
                "shared": [shared, shared], "empty": [{}, [], None, ""]}
        text = yaml.dump(data, Dumper=yaml.SafeDumper, sort_keys=bool(i % 2))
        assert yaml.load(text, Loader=yaml.SafeLoader) == data
        step(text)
