"""Building, slicing, sorting and searching lists: stands for programs that keep their data in lists."""

DEFAULT_SIZE = 40000
QUICK_SIZE = 6000
HOT = ("make_numbers", "insertion_sort", "merge", "merge_sort", "quick_sort", "binary_search", "rotate",
       "stack_machine")

EXPECTED = {6000: 11458457619, 40000: 79192683014}


def make_numbers(n):
    state = 42
    numbers = []
    for _ in range(n):
        state = (state * 69069 + 1) % 4294967296
        numbers.append(state >> 8)
    return numbers


def insertion_sort(items):
    for i in range(1, len(items)):
        item = items[i]
        j = i - 1
        while j >= 0 and items[j] > item:
            items[j + 1] = items[j]
            j -= 1
        items[j + 1] = item
    return items


def merge(left, right):
    result = []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            result.append(left[i])
            i += 1
        else:
            result.append(right[j])
            j += 1
    result.extend(left[i:])
    result.extend(right[j:])
    return result


def merge_sort(items):
    if len(items) <= 16:
        return insertion_sort(items)
    middle = len(items) // 2
    return merge(merge_sort(items[:middle]), merge_sort(items[middle:]))


def quick_sort(items):
    if len(items) <= 1:
        return items
    pivot = items[len(items) // 2]
    return (quick_sort([item for item in items if item < pivot]) + [item for item in items if item == pivot]
            + quick_sort([item for item in items if item > pivot]))


def binary_search(items, wanted):
    low, high = 0, len(items)
    while low < high:
        middle = (low + high) // 2
        if items[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


def rotate(items, rounds):
    queue = items[:32]
    for _ in range(rounds):
        first = queue.pop(0)
        queue.append(first)
        queue[0], queue[-1] = queue[-1], queue[0]
        queue.insert(16, queue.pop())
    return queue


def stack_machine(numbers):
    stack = []
    for number in numbers:
        if number % 3 == 0 and len(stack) >= 2:
            stack.append((stack.pop() + stack.pop()) % 1000003)
        else:
            stack.append(number)
    return sum(stack)


def run(n):
    """Sort, search and shuffle n numbers."""
    numbers = make_numbers(n)
    expected_order = sorted(numbers)
    if merge_sort(numbers) != expected_order or quick_sort(numbers) != expected_order:
        raise AssertionError(f"list_ops({n}): the numbers came out unsorted")
    checksum = 0
    for number in numbers:
        position = binary_search(expected_order, number)
        if expected_order[position] != number:
            raise AssertionError(f"list_ops({n}): {number} was not found")
        checksum = (checksum * 31 + position) % 1000003
    if sorted(rotate(numbers, n)) != sorted(numbers[:32]):
        raise AssertionError(f"list_ops({n}): the rotation has lost numbers")
    squares = [number * number % 97 for number in numbers if number & 1]
    pairs = [a + b for a, b in zip(squares, squares[1:])]
    result = checksum + stack_machine(numbers) + sum(pairs) + sum(squares[::-3])
    if result != EXPECTED.get(n, result):
        raise AssertionError(f"list_ops({n}): got {result}, expected {EXPECTED[n]}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
