"""The sieve of Eratosthenes: stands for loops that store into a list."""

DEFAULT_SIZE = 2000000
QUICK_SIZE = 500000
HOT = ("sieve", "collect")

# Numbers of primes, as published.
EXPECTED = {10: 4, 100: 25, 1000: 168, 10000: 1229, 100000: 9592, 500000: 41538,
            1000000: 78498, 2000000: 148933}


def sieve(n):
    is_prime = [True] * (n + 1)
    is_prime[0] = is_prime[1] = False
    candidate = 2
    while candidate * candidate <= n:
        if is_prime[candidate]:
            for multiple in range(candidate * candidate, n + 1, candidate):
                is_prime[multiple] = False
        candidate += 1
    return is_prime


def collect(is_prime):
    primes = []
    for number, prime in enumerate(is_prime):
        if prime:
            primes.append(number)
    return primes


def run(n):
    """Find the primes up to n."""
    primes = collect(sieve(n))
    if primes[:8] != [2, 3, 5, 7, 11, 13, 17, 19][:len(primes)]:
        raise AssertionError(f"sieve({n}): the first primes are {primes[:8]}")
    if len(primes) != EXPECTED.get(n, len(primes)):
        raise AssertionError(f"sieve({n}): got {len(primes)} primes, expected {EXPECTED[n]}")
    return len(primes)


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
