"""Result files of synthetic runs: well-formed, complete, and honest about what they compare."""

import copy
import html.parser
import json
import random
import re
import xml.etree.ElementTree as ElementTree

import pytest
from bench_support import bench
from tephra.bench import compare, report_html, report_markdown, report_png, report_svg, results
from tephra.bench.errors import BenchError

TARGETS = [{"name": "tephra", "label": "Tephra", "kind": "tephra", "command": ["p", "-m", "tephra"], "python": "3.14.0",
            "implementation": "CPython"},
           {"name": "cpython", "label": "CPython 3.14.0", "kind": "plain", "command": ["p"], "python": "3.14.0",
            "implementation": "CPython", "optimised": True},
           {"name": "pypy3", "label": "PyPy <3>", "kind": "plain", "command": ["q"], "python": "3.11.0",
            "implementation": "PyPy"}]


def records(seed=1, speeds=None, off=0.0, rounds=5, size=10, between=0.01, **header):
    """Raw records; `speeds`: program -> speed of Tephra; `off`: part of the time off the processor."""
    rng = random.Random(seed)
    speeds = speeds or {"alpha": 2.0, "beta": 0.5, "gamma & <co>": 1.0}
    found = [{"kind": "header", "created": "2026-01-02T03:04:05+00:00", "argv": [], "order": "A B B A",
              "machine": {"cpu": "Test CPU", "usable_cores": 2, "architecture": "x86_64", "kernel": "6"},
              "suite": "programs",
              "commit": {"revision": "0123456789abcdef", "dirty": False}, "targets": TARGETS,
              "programs": [{"name": name, "about": "", "size": size} for name in speeds], **header}]
    jit = {"functions": 3, "compile_ms": 1.5, "code_bytes": 900, "exits": 7}
    for name in speeds:
        found.append({"kind": "gates", "program": name, "status": "passed", "reasons": [], "probe_speed": 2.0, "known_gap": "",
                      "functions": {"work": {"module": name, "bytes": 400, "compile_ms": 0.5, "hir": {"IntAdd": 2}}}})
        for number in range(rounds):
            for target, factor in (("tephra", speeds[name]), ("cpython", 1.0), ("pypy3", 5.0)):
                level = 1e8 / factor * rng.lognormvariate(0, between)
                cpu = [int(level * rng.lognormvariate(0, 0.01)) for _ in range(9)]
                times = [[int(each / (1 - off)), each, turn] for turn, each in enumerate(cpu)]
                found.append({"kind": "process", "program": name, "target": target, "round": number, "size": size,
                              "problem": "", "problem_kind": "", "wall_seconds": 1.0, "digest": "1",
                              "warmup_ns": [[3 * times[0][0], 3 * times[0][1], 0], times[1]], "iterations_ns": times[2:],
                              "at_steady": jit if target == "tephra" else {},
                              "at_end": {"peak_kib": 20480, "load_ns": 1, "jit": jit if target == "tephra" else {}}})
    return found


@pytest.fixture(scope="module")
def document():
    return results.build(records())


def test_the_summary(document):
    row = document["summary"]["programs"]["alpha"]
    found = row["comparisons"]["tephra/cpython"]
    assert found["speed"] == pytest.approx(2.0, rel=0.03) and found["low"] < 2.0 < found["high"]
    assert row["comparisons"]["tephra/pypy3"]["speed"] == pytest.approx(0.4, rel=0.03)
    assert document["summary"]["programs"]["beta"]["comparisons"]["tephra/cpython"]["verdict"] == "slower"
    assert document["summary"]["programs"]["gamma & <co>"]["comparisons"]["tephra/cpython"]["verdict"] == "no difference"
    assert document["summary"]["geometric_means"]["tephra/cpython"]["speed"] == pytest.approx(1.0, rel=0.03)
    ours = row["targets"]["tephra"]
    assert ours["calls_to_steady"] == 1 and ours["first_iteration"] == pytest.approx(0.15, rel=0.1)
    assert ours["peak_kib"] == 20480 and ours["jit"]["code_bytes"] == 900 and ours["iterations"] == 35
    for name in ("mean", "median", "minimum", "robust"):
        assert ours[name] == pytest.approx(0.05, rel=0.06)
    assert 0.003 < document["summary"]["noise"]["between_processes"] < 0.03


def test_the_clock(document):
    assert document["clock"] == "wall"
    disturbed = results.build(records(off=0.5))
    assert disturbed["clock"] == "cpu" and disturbed["off_processor"] == pytest.approx(0.5, abs=0.01)
    assert disturbed["summary"]["programs"]["alpha"]["targets"]["tephra"]["median"] == pytest.approx(0.05, rel=0.06)
    assert "CPU time (the processes were off the processor for 50% of the time)" in report_markdown.report(disturbed)
    assert results.build(records(off=0.5), "wall")["clock"] == "wall"


def test_the_markdown(document):
    text = report_markdown.report(document)
    assert re.search(r"^\| alpha +\| +[12]\.\d\d \(\d\.\d\d-\d\.\d\d\)", text, re.MULTILINE)
    assert "no difference" in text and "**geometric mean**" in text and "Tephra against the others" in text
    widths = {len(line) for line in text.split("## Speed")[1].split("##")[0].splitlines() if line.startswith("|")}
    assert len(widths) == 1  # it lines up


def test_code_size_probes():
    found = results.build([*records(), {"kind": "code size", "bytes": {"call": {"1": 300, "2": 350, "200": 10250}}}])
    assert re.search(r"\| call +\| +300 \| +350 \| +10250 \| +50 \|", report_markdown.report(found))


def test_the_picture(document):
    svg = report_svg.draw(report_svg.of_results(document))
    root = ElementTree.fromstring(svg)
    texts = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "gamma & <co>" in texts and "PyPy <3>" in texts and "geometric mean" in texts
    assert texts.index("alpha") < texts.index("gamma & <co>") < texts.index("beta")
    bars = [element for element in root.iter() if element.tag.endswith("rect") and list(element)]
    assert len(bars) == 4 * 2
    width = float(root.get("width"))
    assert all(0 <= float(bar.get("x")) and float(bar.get("x")) + float(bar.get("width")) <= width for bar in bars)


def test_the_png(document):
    pytest.importorskip("resvg_py")
    data, why = report_png.convert(report_svg.draw(report_svg.of_results(document)))
    assert data is not None and data.startswith(b"\x89PNG") and len(data) > 5000, why


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.links, self.cells = [], [], []

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if name in ("src", "href", "xlink:href")]
        if tag not in ("meta", "rect", "line", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in ("rect", "line", "path"):
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "b"):
            self.cells.append(data)


def test_the_page_needs_nothing_else(document):
    text = report_html.page("Benchmark results", report_markdown.report(document),
                            report_svg.draw(report_svg.of_results(document)))
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == [] and page.links == []
    assert "url(" not in text and "@import" not in text
    assert "alpha" in page.cells and "gamma & <co>" in page.cells


def test_pyperf_reads_the_samples(document, tmp_path):
    pyperf = pytest.importorskip("pyperf")
    from tephra.bench import export_pyperf

    files = export_pyperf.write(tmp_path / "a.json", document)
    assert [file.name for file in files] == ["a.json", "a-cpython.json", "a-pypy3.json"]
    alpha = pyperf.BenchmarkSuite.load(str(files[0])).get_benchmark("alpha")
    assert alpha.get_nrun() == 5 and alpha.get_nvalue() == 35
    assert alpha.median() == pytest.approx(0.05, rel=0.05)


def test_two_runs_of_one_commit_and_of_two():
    names = {f"p{i}": 1.5 for i in range(20)}
    old, new = (results.build(records(seed, names, between=0.03)) for seed in (1, 2))
    report = compare.compare(old, new)
    assert sum(each.verdict == "no difference" for each in report.changes) >= 18
    faster = results.build(records(3, {**names, "p7": 2.0}, between=0.03))
    changed = {each.program: each.verdict for each in compare.compare(old, faster).changes}
    assert changed["p7"] == "faster" and list(changed.values()).count("no difference") >= 17
    assert "No difference in" in report.markdown and "geometric mean of the changes" in report.markdown
    ElementTree.fromstring(report_svg.draw(report.chart))


def test_runs_that_cannot_be_compared():
    old = results.build(records(size=10))
    with pytest.raises(BenchError, match="no program in common.*size 10 in the old run, 20 in the new"):
        compare.compare(old, results.build(records(size=20)))
    other = copy.deepcopy(old)
    other["machine"]["cpu"] = "Other CPU"
    assert "different machines or interpreters: each speed is relative to the interpreter" in \
        compare.compare(old, other).markdown


def test_several_machines():
    here, there = results.build(records(1)), results.build(records(2, {"alpha": 3.0, "delta": 1.0}))
    report = compare.merge([("x86", here), ("arm", there)])
    row = next(line for line in report.markdown.splitlines() if line.startswith("| alpha"))
    assert re.search(r"\| alpha +\| +[12]\.\d+ \(.*\) +\| +[23]\.\d+ \(", row)
    assert "geometric mean** of 1" in report.markdown
    assert "relative to the interpreter on that machine itself" in report.markdown


def test_failed_programs_are_not_measured():
    found = records()
    bad = next(each for each in found if each["kind"] == "process" and each["program"] == "beta")
    bad["problem"] = "crashed with SIGSEGV: x"
    document = results.build(found)
    assert "beta" not in document["summary"]["programs"]
    assert "- beta, Tephra: crashed with SIGSEGV: x" in report_markdown.report(document)


@pytest.fixture
def saved(tmp_path, document):
    results.save(tmp_path / "old" / "results.json", document)
    results.save(tmp_path / "new" / "results.json", results.build(records(2, {"alpha": 2.0, "beta": 0.3,
                                                                              "gamma & <co>": 1.0})))
    return tmp_path


def test_the_commands(saved):
    done = bench("--compare", saved / "old", saved / "new/results.json", "--out", saved / "c")
    assert done.returncode == 0, done.stderr
    assert "beta" in done.stdout and "slower" in done.stdout
    assert {file.name for file in (saved / "c").iterdir()} >= {"compare.md", "compare.html", "compare.svg"}
    done = bench("--compare", saved / "old", saved / "new", "--fail-slower", 5)
    assert done.returncode == 1 and "beta: slower" in done.stderr and "alpha" not in done.stderr
    done = bench("--merge", f"a={saved / 'old'}", f"b={saved / 'new'}")
    assert done.returncode == 0 and "several machines" not in done.stderr
    done = bench("--report", saved / "old", "--out", saved / "again")
    assert done.returncode == 0 and (saved / "again/report.html").exists()


def test_the_history(saved):
    done = bench("--history", saved)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("0123456789ab") == 2
    (saved / "none").mkdir()
    done = bench("--history", saved / "none")
    assert done.returncode == 2 and "there are no results" in done.stderr


def test_the_documentation_page(saved):
    page = saved / "docs" / "performance.md"
    page.parent.mkdir()
    page.write_text("before\n<!-- figures -->\nold\n<!-- /figures -->\nafter\n")
    for _ in range(2):  # it replaces its own text
        done = bench("--write-docs", saved / "old", cwd=saved)
        assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert text.startswith("before\n<!-- figures -->\n### Against CPython 3.14.0") and text.endswith("after\n")
    assert text.count("| alpha") == 2 and "old" not in text
    picture = re.search(r"\((figures/.*\.svg)\)", text).group(1)
    ElementTree.parse(page.parent / picture)
    page.write_text("no marks")
    done = bench("--write-docs", saved / "old", cwd=saved)
    assert done.returncode == 2 and "has no part between" in done.stderr


@pytest.mark.parametrize("spoil, text", [
    (lambda file: file.write_text(file.read_text()[:500]), "truncated or no JSON"),
    (lambda file: file.write_text("[]"), "no results of `tephra bench`"),
    (lambda file: file.write_text(json.dumps({"schema": results.SCHEMA})), "incomplete: no 'targets'"),
    (lambda file: file.write_text(json.dumps({"schema": "tephra-bench/1"})), f'expected "schema": "{results.SCHEMA}"'),
    (lambda file: file.unlink(), "cannot read"),
])
def test_results_that_cannot_be_read(saved, spoil, text):
    spoil(saved / "old/results.json")
    done = bench("--compare", saved / "old", saved / "new")
    assert done.returncode == 2
    assert text in done.stderr and "Traceback" not in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("words, text", [(["x"], "expected HOST=RUN"), (["a=/nowhere"], "cannot read")])
def test_merge_of_wrong_words(words, text):
    done = bench("--merge", *words)
    assert done.returncode == 2 and text in done.stderr


def test_a_damaged_raw_file(tmp_path):
    lines = [json.dumps(each) for each in records()]
    (tmp_path / "raw.jsonl").write_text("\n".join([lines[0], "{oops", *lines[1:]]))
    done = bench("--resume", tmp_path)
    assert done.returncode == 2 and "raw.jsonl:2: no JSON" in done.stderr
    (tmp_path / "raw.jsonl").write_text("\n".join(lines[1:]))
    done = bench("--resume", tmp_path)
    assert done.returncode == 2 and "no raw samples" in done.stderr
