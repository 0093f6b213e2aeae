"""match: literal, sequence, mapping, class."""


def f(x):
    match x:
        case 1:
            return "one"
        case [a, *rest]:
            return a, rest
        case {"key": value}:
            return value
        case int(n):
            return n
    return None
