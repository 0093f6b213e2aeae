"""Handlers chosen from a table and called with keywords: stands for event and request dispatch."""

DEFAULT_SIZE = 50000
QUICK_SIZE = 6000
HOT = ("move", "resize", "paint", "configure", "log", "Dispatcher.dispatch", "Dispatcher.default", "drive")

EXPECTED = {6000: 669018, 50000: 5575020}


def move(state, *, x=0, y=0, relative=False):
    if relative:
        state["x"] += x
        state["y"] += y
    else:
        state["x"] = x
        state["y"] = y
    return state["x"] - state["y"]


def resize(state, width, height=10, *, keep_ratio=False):
    if keep_ratio:
        height = width // 2
    state["width"] = width
    state["height"] = height
    return width * height


def paint(state, colour="black", **options):
    state["colour"] = colour
    return len(colour) + options.get("width", 1) + len(options)


def configure(state, **options):
    state.update(options)
    return sum(options.values())


def log(state, *messages, level=0):
    state["messages"] += len(messages)
    return level + len(messages)


class Dispatcher:
    def __init__(self):
        self.handlers = {}
        self.unknown = 0

    def register(self, name, handler):
        self.handlers[name] = handler

    def dispatch(self, event, state, *args, **kwargs):
        handler = self.handlers.get(event)
        if handler is None:
            return self.default(event, *args, **kwargs)
        return handler(state, *args, **kwargs)

    def default(self, event, *args, **kwargs):
        self.unknown += 1
        return len(event) + len(args) + len(kwargs)


def drive(dispatcher, state, n):
    total = 0
    for i in range(n):
        total += dispatcher.dispatch("move", state, x=i % 40, y=i % 9)
        total += dispatcher.dispatch("move", state, y=1, x=2, relative=True)
        total += dispatcher.dispatch("resize", state, i % 16, keep_ratio=i % 2 == 0)
        total += dispatcher.dispatch("paint", state, colour="red", width=3, style="dashed")
        total += dispatcher.dispatch("configure", state, speed=i % 5, zoom=2)
        total += dispatcher.dispatch("log", state, "a", "b", level=1)
        total += dispatcher.dispatch("close", state, i, force=True)
    return total


def run(n):
    """Dispatch 7 n events."""
    dispatcher = Dispatcher()
    for handler in (move, resize, paint, configure, log):
        dispatcher.register(handler.__name__, handler)
    state = {"x": 0, "y": 0, "messages": 0}
    result = drive(dispatcher, state, n)
    if dispatcher.unknown != n or state["messages"] != 2 * n:
        raise AssertionError(f"kwargs_dispatch({n}): {dispatcher.unknown} unknown events, {state['messages']} "
                             f"messages, expected {n} and {2 * n}")
    expected = 0
    for i in range(n):
        width = i % 16
        expected += 2 * (i % 40 - i % 9) + 1 + width * (width // 2 if i % 2 == 0 else 10) + 8 + i % 5 + 2 + 3 + 7
    if result != EXPECTED.get(n, expected):
        raise AssertionError(f"kwargs_dispatch({n}): got {result}, expected {EXPECTED.get(n, expected)}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
