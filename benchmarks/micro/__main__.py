"""`python benchmarks/micro NAME [n]`: runs one micro-benchmark, prints its text, or lists all."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import harness
import micro

if sys.argv[1:] in ([], ["-h"], ["--help"]):
    print("usage: python benchmarks/micro NAME [n] [--repeat K]   run one, print the seconds of each iteration\n"
          "       python benchmarks/micro --source NAME           print its program text\n"
          "       python benchmarks/micro --list                  print all names with what they stand for")
    sys.exit(0 if sys.argv[1:] else 2)
if sys.argv[1] == "--list":
    for each in micro.names():
        print(f"{each:28} {micro.source(each).splitlines()[0].strip(chr(34))}")
    sys.exit(0)
try:
    if sys.argv[1] == "--source":
        print(micro.source(sys.argv[2] if len(sys.argv) > 2 else ""), end="")
        sys.exit(0)
    module = micro.load(sys.argv.pop(1))
except KeyError as error:
    sys.exit(f"micro: {error.args[0]}")
harness.main(module.run, module.DEFAULT_SIZE)
