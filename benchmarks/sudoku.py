"""Sudoku by constraint propagation and search: stands for programs on dicts, sets and strings."""

DEFAULT_SIZE = 30
QUICK_SIZE = 4
HOT = ("assign", "eliminate", "search", "parse")

# Sum of the solutions' main diagonals, read as numbers, modulo 1000003.
EXPECTED = {4: 42415, 30: 818114}

ROWS = "ABCDEFGHI"
DIGITS = "123456789"
SQUARES = [row + column for row in ROWS for column in DIGITS]
UNIT_LIST = ([[row + column for row in ROWS] for column in DIGITS]
             + [[row + column for column in DIGITS] for row in ROWS]
             + [[row + column for row in rows for column in columns]
                for rows in ("ABC", "DEF", "GHI") for columns in ("123", "456", "789")])
UNITS = {square: [unit for unit in UNIT_LIST if square in unit] for square in SQUARES}
PEERS = {square: sorted({each for unit in UNITS[square] for each in unit} - {square}) for square in SQUARES}

PUZZLES = [
    "003020600900305001001806400008102900700000008006708200002609500800203009005010300",
    "4.....8.5.3..........7......2.....6.....8.4......1.......6.3.7.5..2.....1.4......",
    "000000907000420180000705026100904000050000040000507009920108000034059000507000000",
    "200080300060070084030500209000105408000000000402706000301007040720040060004010003",
]


def parse(puzzle):
    """Candidates per square after propagating the givens, or None."""
    values = {square: DIGITS for square in SQUARES}
    for square, digit in zip(SQUARES, puzzle):
        if digit in DIGITS and not assign(values, square, digit):
            return None
    return values


def assign(values, square, digit):
    for other in values[square]:
        if other != digit and not eliminate(values, square, other):
            return False
    return True


def eliminate(values, square, digit):
    candidates = values[square]
    if digit not in candidates:
        return True
    candidates = candidates.replace(digit, "")
    values[square] = candidates
    if len(candidates) == 0:
        return False
    if len(candidates) == 1:
        for peer in PEERS[square]:
            if not eliminate(values, peer, candidates):
                return False
    for unit in UNITS[square]:
        places = [each for each in unit if digit in values[each]]
        if len(places) == 0:
            return False
        if len(places) == 1 and not assign(values, places[0], digit):
            return False
    return True


def search(values):
    if values is None:
        return None
    best = None
    for square in SQUARES:
        count = len(values[square])
        if count > 1 and (best is None or count < len(values[best])):
            best = square
    if best is None:
        return values
    for digit in values[best]:
        attempt = dict(values)
        if assign(attempt, best, digit):
            solved = search(attempt)
            if solved is not None:
                return solved
    return None


def is_solution(values, puzzle):
    if any(given in DIGITS and values[square] != given for square, given in zip(SQUARES, puzzle)):
        return False
    return all({values[square] for square in unit} == set(DIGITS) for unit in UNIT_LIST)


def run(n):
    """Solve four puzzles n times."""
    result = 0
    for _ in range(n):
        for puzzle in PUZZLES:
            values = search(parse(puzzle))
            if values is None or not is_solution(values, puzzle):
                raise AssertionError(f"sudoku({n}): no valid solution of {puzzle}")
            diagonal = "".join(values[row + column] for row, column in zip(ROWS, DIGITS))
            result = (result + int(diagonal)) % 1000003
    if result != EXPECTED.get(n, result):
        raise AssertionError(f"sudoku({n}): got {result}, expected {EXPECTED[n]}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
