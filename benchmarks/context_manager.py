"""Entering and leaving context managers: stands for programs that hold locks, files and transactions in `with`."""

import contextlib

DEFAULT_SIZE = 240000
QUICK_SIZE = 25000
HOT = ("Lock.__enter__", "Lock.__exit__", "Transaction.__enter__", "Transaction.__exit__", "Account.add", "guarded_add",
       "transfer", "process")

EXPECTED = {25000: 717323, 240000: 6879481}


class Lock:
    def __init__(self):
        self.depth = 0
        self.entered = 0

    def __enter__(self):
        self.depth += 1
        self.entered += 1
        return self

    def __exit__(self, kind, error, traceback):
        self.depth -= 1
        return False


class Rollback(Exception):
    pass


class Account:
    def __init__(self, balance):
        self.balance = balance

    def add(self, amount):
        if self.balance + amount < 0:
            raise Rollback(amount)
        self.balance += amount


class Transaction:
    """Restores the accounts when its block fails, and ends the failure there."""

    def __init__(self, accounts):
        self.accounts = accounts
        self.failed = False

    def __enter__(self):
        self.saved = [account.balance for account in self.accounts]
        return self

    def __exit__(self, kind, error, traceback):
        if kind is None:
            return False
        self.failed = True
        for account, balance in zip(self.accounts, self.saved):
            account.balance = balance
        return kind is Rollback


@contextlib.contextmanager
def indented(lines):
    lines.append("begin")
    try:
        yield len(lines)
    finally:
        lines.append("end")


def guarded_add(lock, account, amount):
    with lock:
        account.add(amount)
    return account.balance


def transfer(lock, source, target, amount):
    with lock, Transaction((source, target)) as transaction:
        target.add(amount)
        source.add(-amount)
    return not transaction.failed


def process(i, lock, first, second):
    done = 0
    if transfer(lock, first, second, i % 50):
        done += 1
    if i % 4 == 0:
        with lock:
            with lock:
                done += transfer(lock, second, first, i % 90)
    guarded_add(lock, first, 1)
    return done


def run(n):
    """Make n transfers between two accounts, some of which fail, and n / 4 with contextlib."""
    lock = Lock()
    first, second = Account(1000), Account(1000)
    done = 0
    for i in range(n):
        done += process(i, lock, first, second)
    if first.balance + second.balance != 2000 + n or lock.depth != 0:
        raise AssertionError(f"context_manager({n}): the accounts hold {first.balance + second.balance}, expected "
                             f"{2000 + n}; lock depth {lock.depth}, expected 0")
    if lock.entered != 2 * n + 3 * ((n + 3) // 4):
        raise AssertionError(f"context_manager({n}): the lock was taken {lock.entered} times, expected "
                             f"{2 * n + 3 * ((n + 3) // 4)}")
    lines = []
    for i in range(n // 4):
        with indented(lines) as depth, contextlib.suppress(KeyError):
            if depth % 16 == 1:
                raise KeyError(depth)
            lines.append("body")
    if lines.count("begin") != n // 4 or lines.count("end") != n // 4:
        raise AssertionError(f"context_manager({n}): {lines.count('begin')} blocks begun, {lines.count('end')} ended, "
                             f"expected {n // 4}")
    result = done * 31 + first.balance + len(lines)
    if result != EXPECTED.get(n, result):
        raise AssertionError(f"context_manager({n}): got {result}, expected {EXPECTED[n]}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
