"""with: BEFORE_WITH on 3.12, LOAD_SPECIAL on 3.14."""


def f(lock):
    with lock as held:
        return held
