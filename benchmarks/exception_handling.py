"""Raising, catching, cleaning up and translating exceptions: stands for programs that use them for control flow."""

DEFAULT_SIZE = 200000
QUICK_SIZE = 20000
HOT = ("parse_number", "lookup", "validate", "translate", "clean_up", "unwind", "process")

EXPECTED = {20000: 20137201, 200000: 210363001}


class ValidationError(Exception):
    def __init__(self, field, value):
        super().__init__(field, value)
        self.field = field
        self.value = value


class TooLarge(ValidationError):
    pass


class ServiceError(Exception):
    pass


def parse_number(text):
    try:
        return int(text)
    except ValueError:
        return -1


def lookup(table, key):
    try:
        return table[key]
    except KeyError:
        table[key] = key * 2
        return 0


def validate(field, value):
    if value < 0:
        raise ValidationError(field, value)
    if value > 90:
        raise TooLarge(field, value)
    return value


def translate(field, value):
    try:
        return validate(field, value)
    except TooLarge as error:
        raise ServiceError(f"{error.field} is too large") from error


def clean_up(log, value):
    try:
        return translate("size", value)
    finally:
        log[0] += 1


def unwind(depth, value):
    """Raises from `depth` calls down."""
    if depth == 0:
        raise ServiceError(value)
    return unwind(depth - 1, value) + 1


def process(i, table, log):
    result = parse_number("17" if i % 4 else "none")
    result += lookup(table, i % 1000)
    try:
        result += clean_up(log, i % 100 - 5)
    except ValidationError as error:
        result += error.value
    except ServiceError as error:
        result += error.__cause__.value
    else:
        result += 1
    if i % 10 == 0:
        try:
            result += unwind(5, i)
        except (ServiceError, TypeError) as error:
            result -= error.args[0] % 3
    return result


def run(n):
    """Process n records, of which a third raise."""
    table = {}
    log = [0]
    result = 0
    for i in range(n):
        result += process(i, table, log)
    if log[0] != n:
        raise AssertionError(f"exception_handling({n}): {log[0]} clean-ups, expected {n}")
    expected = 0
    for i in range(n):
        expected += (17 if i % 4 else -1) + (i % 1000 * 2 if i >= 1000 else 0)
        expected += i % 100 - 5 + (0 <= i % 100 - 5 <= 90)
        expected -= i % 3 if i % 10 == 0 else 0
    if result != EXPECTED.get(n, expected):
        raise AssertionError(f"exception_handling({n}): got {result}, expected {EXPECTED.get(n, expected)}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
