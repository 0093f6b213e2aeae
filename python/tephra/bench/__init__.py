"""Measurement that is hard to fool: `python -m tephra bench`.

    programs    which programs there are, and which were asked for
    targets     what they run under: Tephra, the plain interpreter, other interpreters, other options
    worker      the script that runs one program in one fresh process, in any interpreter from Python 3.11 on
    processes   starting workers, and what they say
    gates       proof before timing: compiled, faster, visible in the IR
    session     the order of the processes, raw samples on disk, resuming
    estimate    the statistics; standard library only, also used by `./dev run --compare`
    results     from raw samples to one JSON document
    compare     two runs, or runs of several machines
    counting    instructions instead of time
    code_size   machine code per call site
    real, real_results, report_real   real programs with checkpoints: session, figures and bars, tables
    pyperformance   the programs of that package
    report_*    that document as Markdown, picture and page

docs/performance.md describes the method.
"""
