"""Resolvelib with packaging's versions and specifiers: made-up indexes with conflicts that need backtracking."""

import inputs
from packaging.requirements import Requirement
from packaging.version import Version
from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible, Resolver

DEFAULT_SIZE = 5200
PACKAGES = ("resolvelib", "packaging")


def index(number, packages=16, versions=5):
    """Package -> version -> requirements; later packages depend on earlier ones."""
    rng = inputs.generator(number)
    found = {}
    for k in range(packages):
        found[f"p{k}"] = {}
        for major in range(1, versions + 1):
            needs = []
            for other in rng.sample(range(k), min(k, rng.randrange(4))):
                bound = rng.choice([f">={rng.randint(1, 3)}.0", f"<{rng.randint(2, 5)}.5", f"!={rng.randint(1, 5)}.0,>=1", "~=2.0", ""])
                needs.append(f"p{other}{bound}")
            found[f"p{k}"][f"{major}.{rng.randrange(3)}"] = needs
    return found


class Candidate:
    def __init__(self, name, version, needs):
        self.name, self.version, self.needs = name, version, needs


class Provider(AbstractProvider):
    def __init__(self, found):
        self._index = {name: [Candidate(name, Version(version), [Requirement(each) for each in needs])
                              for version, needs in rows.items()] for name, rows in found.items()}

    def identify(self, requirement_or_candidate):
        return requirement_or_candidate.name

    def get_preference(self, identifier, resolutions, candidates, information, backtrack_causes):
        return (sum(each.requirement.name == identifier for each in backtrack_causes) == 0, identifier)

    def find_matches(self, identifier, requirements, incompatibilities):
        wanted, bad = list(requirements[identifier]), {each.version for each in incompatibilities[identifier]}
        found = [each for each in self._index[identifier] if each.version not in bad
                 and all(each.version in requirement.specifier for requirement in wanted)]
        return sorted(found, key=lambda each: each.version, reverse=True)

    def is_satisfied_by(self, requirement, candidate):
        return candidate.version in requirement.specifier

    def get_dependencies(self, candidate):
        return candidate.needs


def run(step, size):
    for i in range(size):
        provider = Provider(index(i))
        try:
            result = Resolver(provider, BaseReporter()).resolve(
                [Requirement("p15"), Requirement("p14>=1"), Requirement("p13<5")], max_rounds=300)
            found = sorted((name, str(each.version)) for name, each in result.mapping.items())
        except ResolutionImpossible as error:
            found = sorted(str(each.requirement) for each in error.causes)
        except Exception as error:
            if type(error).__name__ != "ResolutionTooDeep":
                raise
            found = [type(error).__name__]
        step(found)
