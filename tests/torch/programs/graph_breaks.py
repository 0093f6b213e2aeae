"""Code that Dynamo leaves in the middle: prints, data-dependent branches, generators, exceptions, closures, and `reset` between."""

import order

order.begin()
import torch  # noqa: E402

LOG = []


def helper(x, times):
    for i in range(times):
        x = x * 2 + i
    return x


def with_print(x):
    y = torch.sin(x)
    LOG.append(float(y.sum()) > 0)
    return helper(y, 3)


def branches(x):
    if x.sum() > 0:
        return helper(x, 1)
    return helper(-x, 2)


def generator(x):
    return sum(part * k for k, part in enumerate(x.unbind()))


def caught(x):
    try:
        if x.shape[0] > 2:
            raise ValueError(f"{x.shape[0]} rows")
        return x + 1
    except ValueError as error:
        LOG.append(str(error))
        return x - 1


def make(offset):
    def closure(x):
        nonlocal offset
        offset += 1
        return x + offset

    return closure


@torch._dynamo.disable
def disabled(x):
    return x.tolist()[0]


def calls_disabled(x):
    return x * disabled(x)


for round_ in range(2):
    for function in (with_print, branches, generator, caught, make(3), calls_disabled):
        compiled = torch.compile(function, backend="eager")
        for sign in (1, -1, 1):
            for rows in (2, 3):
                x = sign * torch.arange(1.0, 2 * rows + 1).reshape(rows, 2)
                try:
                    result = order.show(compiled(x))
                except RuntimeError as error:
                    result = type(error).__name__
                order.hooked()
                print(function.__name__, sign, rows, result)
    print(LOG, order.counts())
    LOG.clear()
    torch._dynamo.reset()
