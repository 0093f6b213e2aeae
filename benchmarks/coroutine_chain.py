"""Coroutines that await each other: stands for asynchronous programs, without an event loop's system calls."""

DEFAULT_SIZE = 100000
QUICK_SIZE = 12000
HOT = ("leaf", "transport", "session", "request", "client", "drive", "schedule")
KNOWN_GAP = "coroutines are interpreted"

EXPECTED = {12000: 345681600, 100000: 24000680000}


class Suspend:
    """Awaiting it gives control back to whoever drives the coroutine, which sends an answer."""

    def __init__(self, question):
        self.question = question

    def __await__(self):
        answer = yield self.question
        return answer


async def leaf(value):
    return value * 2 + 1


async def transport(value):
    answer = await Suspend(value)
    return await leaf(answer)


async def session(value):
    return await transport(value) + 1


async def request(value):
    result = await session(value)
    if result % 5 == 0:
        result += await leaf(value)
    return result


async def client(first, count):
    total = 0
    for value in range(first, first + count):
        total += await request(value)
    return total


def drive(coroutine):
    """Run one coroutine to its end; each question is answered by its successor."""
    answer = None
    while True:
        try:
            answer = coroutine.send(answer) + 1
        except StopIteration as stop:
            return stop.value


def schedule(coroutines):
    """Run coroutines in turns, one step each, as an event loop does."""
    ready = [(coroutine, None) for coroutine in coroutines]
    total = 0
    while ready:
        waiting = []
        for coroutine, answer in ready:
            try:
                question = coroutine.send(answer)
            except StopIteration as stop:
                total += stop.value
            else:
                waiting.append((coroutine, question + 1))
        ready = waiting
    return total


def expected_total(first, count):
    total = 0
    for value in range(first, first + count):
        result = (value + 1) * 2 + 2
        total += result + (value * 2 + 1 if result % 5 == 0 else 0)
    return total


def run(n):
    """Make n requests one after the other, and n more in 20 interleaved clients."""
    alone = drive(client(0, n))
    share = n // 20
    together = schedule([client(i * share, share) for i in range(20)])
    expected = expected_total(0, n), expected_total(0, 20 * share)
    if (alone, together) != expected:
        raise AssertionError(f"coroutine_chain({n}): got {alone} and {together}, expected {expected}")
    result = alone + together
    if result != EXPECTED.get(n, result):
        raise AssertionError(f"coroutine_chain({n}): got {result}, expected {EXPECTED[n]}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
