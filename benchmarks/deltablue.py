"""The DeltaBlue constraint solver: stands for object-oriented programs with deep method dispatch.

One-way constraints with strengths are kept satisfied incrementally, by the algorithm of Freeman-Benson,
Maloney and Borning ("An Incremental Constraint Solver", 1990). Two networks are built and changed: a chain of
equalities, and a list of linear projections.
"""

DEFAULT_SIZE = 10000
QUICK_SIZE = 1200
HOT = ("Constraint.add_to_planner", "Constraint.satisfy", "Strength.is_stronger", "UnaryConstraint.choose_method",
       "UnaryConstraint.recalculate", "BinaryConstraint.choose_method", "BinaryConstraint.recalculate",
       "EqualityConstraint.execute", "ScaleConstraint.execute", "Planner.add_propagate",
       "Planner.consuming_constraints", "Plan.execute")

# Sum of all values that the plans left in the last variables.
EXPECTED = {1200: 5991220, 10000: 269925220}

NONE, FORWARD, BACKWARD = 0, 1, -1


class Strength:
    def __init__(self, level, name):
        self.level = level
        self.name = name

    def is_stronger(self, other):
        return self.level < other.level

    def is_weaker(self, other):
        return self.level > other.level


REQUIRED = Strength(0, "required")
STRONG_PREFERRED = Strength(1, "strong preferred")
PREFERRED = Strength(2, "preferred")
STRONG_DEFAULT = Strength(3, "strong default")
NORMAL = Strength(4, "normal")
WEAK_DEFAULT = Strength(5, "weak default")
WEAKEST = Strength(6, "weakest")
BY_LEVEL = [REQUIRED, STRONG_PREFERRED, PREFERRED, STRONG_DEFAULT, NORMAL, WEAK_DEFAULT, WEAKEST]


def weakest_of(a, b):
    return a if a.is_weaker(b) else b


class Variable:
    def __init__(self, name, value):
        self.name = name
        self.value = value
        self.constraints = []
        self.determined_by = None
        self.mark = 0
        self.walk_strength = WEAKEST
        self.stay = True

    def add_constraint(self, constraint):
        self.constraints.append(constraint)

    def remove_constraint(self, constraint):
        self.constraints.remove(constraint)
        if self.determined_by is constraint:
            self.determined_by = None


class Constraint:
    def __init__(self, strength):
        self.strength = strength

    def add_to_planner(self, planner):
        self.add_to_graph()
        planner.incremental_add(self)

    def destroy(self, planner):
        if self.is_satisfied():
            planner.incremental_remove(self)
        else:
            self.remove_from_graph()

    def is_input(self):
        return False

    def satisfy(self, mark, planner):
        """Try to enforce this constraint; give the one that had to be revoked for it, or None."""
        self.choose_method(mark)
        if not self.is_satisfied():
            if self.strength is REQUIRED:
                raise AssertionError("deltablue: a required constraint cannot be satisfied")
            return None
        self.mark_inputs(mark)
        output = self.output()
        overridden = output.determined_by
        if overridden is not None:
            overridden.mark_unsatisfied()
        output.determined_by = self
        if not planner.add_propagate(self, mark):
            raise AssertionError("deltablue: the constraints form a cycle")
        output.mark = mark
        return overridden


class UnaryConstraint(Constraint):
    def __init__(self, variable, strength, planner):
        super().__init__(strength)
        self.my_output = variable
        self.satisfied = False
        self.add_to_planner(planner)

    def add_to_graph(self):
        self.my_output.add_constraint(self)
        self.satisfied = False

    def remove_from_graph(self):
        self.my_output.remove_constraint(self)
        self.satisfied = False

    def choose_method(self, mark):
        output = self.my_output
        self.satisfied = output.mark != mark and self.strength.is_stronger(output.walk_strength)

    def is_satisfied(self):
        return self.satisfied

    def mark_unsatisfied(self):
        self.satisfied = False

    def mark_inputs(self, mark):
        pass

    def inputs_known(self, mark):
        return True

    def output(self):
        return self.my_output

    def recalculate(self):
        output = self.my_output
        output.walk_strength = self.strength
        output.stay = not self.is_input()
        if output.stay:
            self.execute()

    def execute(self):
        pass


class StayConstraint(UnaryConstraint):
    """Keeps a variable as it is."""


class EditConstraint(UnaryConstraint):
    """Lets a variable be set from outside."""

    def is_input(self):
        return True


class BinaryConstraint(Constraint):
    def __init__(self, first, second, strength, planner):
        super().__init__(strength)
        self.first = first
        self.second = second
        self.direction = NONE
        self.add_to_planner(planner)

    def choose_method(self, mark):
        first, second = self.first, self.second
        self.direction = NONE
        if first.mark == mark:
            if second.mark != mark and self.strength.is_stronger(second.walk_strength):
                self.direction = FORWARD
        elif second.mark == mark:
            if self.strength.is_stronger(first.walk_strength):
                self.direction = BACKWARD
        elif first.walk_strength.is_weaker(second.walk_strength):
            if self.strength.is_stronger(first.walk_strength):
                self.direction = BACKWARD
        elif self.strength.is_stronger(second.walk_strength):
            self.direction = FORWARD

    def add_to_graph(self):
        self.first.add_constraint(self)
        self.second.add_constraint(self)
        self.direction = NONE

    def remove_from_graph(self):
        self.first.remove_constraint(self)
        self.second.remove_constraint(self)
        self.direction = NONE

    def is_satisfied(self):
        return self.direction != NONE

    def mark_unsatisfied(self):
        self.direction = NONE

    def input(self):
        return self.first if self.direction == FORWARD else self.second

    def output(self):
        return self.second if self.direction == FORWARD else self.first

    def mark_inputs(self, mark):
        self.input().mark = mark

    def inputs_known(self, mark):
        source = self.input()
        return source.mark == mark or source.stay or source.determined_by is None

    def recalculate(self):
        source, output = self.input(), self.output()
        output.walk_strength = weakest_of(self.strength, source.walk_strength)
        output.stay = source.stay
        if output.stay:
            self.execute()


class EqualityConstraint(BinaryConstraint):
    def execute(self):
        self.output().value = self.input().value


class ScaleConstraint(BinaryConstraint):
    """second = first * scale + offset, kept in both directions."""

    def __init__(self, source, scale, offset, destination, strength, planner):
        self.scale = scale
        self.offset = offset
        super().__init__(source, destination, strength, planner)

    def add_to_graph(self):
        super().add_to_graph()
        self.scale.add_constraint(self)
        self.offset.add_constraint(self)

    def remove_from_graph(self):
        super().remove_from_graph()
        self.scale.remove_constraint(self)
        self.offset.remove_constraint(self)

    def mark_inputs(self, mark):
        super().mark_inputs(mark)
        self.scale.mark = mark
        self.offset.mark = mark

    def execute(self):
        if self.direction == FORWARD:
            self.second.value = self.first.value * self.scale.value + self.offset.value
        else:
            self.first.value = (self.second.value - self.offset.value) // self.scale.value

    def recalculate(self):
        source, output = self.input(), self.output()
        output.walk_strength = weakest_of(self.strength, source.walk_strength)
        output.stay = source.stay and self.scale.stay and self.offset.stay
        if output.stay:
            self.execute()


class Plan:
    """Constraints in the order in which they must be executed."""

    def __init__(self):
        self.constraints = []

    def append(self, constraint):
        self.constraints.append(constraint)

    def execute(self):
        for constraint in self.constraints:
            constraint.execute()


class Planner:
    def __init__(self):
        self.current_mark = 0

    def new_mark(self):
        self.current_mark += 1
        return self.current_mark

    def incremental_add(self, constraint):
        mark = self.new_mark()
        overridden = constraint.satisfy(mark, self)
        while overridden is not None:
            overridden = overridden.satisfy(mark, self)

    def incremental_remove(self, constraint):
        output = constraint.output()
        constraint.mark_unsatisfied()
        constraint.remove_from_graph()
        unsatisfied = self.remove_propagate_from(output)
        for strength in BY_LEVEL:
            for each in unsatisfied:
                if each.strength is strength:
                    self.incremental_add(each)

    def add_propagate(self, constraint, mark):
        """Recompute what lies downstream of a constraint; False where that leads back to it."""
        todo = [constraint]
        while todo:
            each = todo.pop()
            if each.output().mark == mark:
                self.incremental_remove(constraint)
                return False
            each.recalculate()
            self.consuming_constraints(each.output(), todo)
        return True

    def remove_propagate_from(self, output):
        """Undo what lies downstream of a variable; give the constraints left unsatisfied."""
        output.determined_by = None
        output.walk_strength = WEAKEST
        output.stay = True
        unsatisfied = []
        todo = [output]
        while todo:
            variable = todo.pop()
            for constraint in variable.constraints:
                if not constraint.is_satisfied():
                    unsatisfied.append(constraint)
            determining = variable.determined_by
            for constraint in variable.constraints:
                if constraint is not determining and constraint.is_satisfied():
                    constraint.recalculate()
                    todo.append(constraint.output())
        return unsatisfied

    def consuming_constraints(self, variable, found):
        determining = variable.determined_by
        for constraint in variable.constraints:
            if constraint is not determining and constraint.is_satisfied():
                found.append(constraint)

    def make_plan(self, sources):
        mark = self.new_mark()
        plan = Plan()
        todo = sources
        while todo:
            constraint = todo.pop()
            output = constraint.output()
            if output.mark != mark and constraint.inputs_known(mark):
                plan.append(constraint)
                output.mark = mark
                self.consuming_constraints(output, todo)
        return plan

    def plan_from_constraints(self, constraints):
        return self.make_plan([each for each in constraints if each.is_input() and each.is_satisfied()])


def change(planner, variable, value):
    edit = EditConstraint(variable, PREFERRED, planner)
    plan = planner.plan_from_constraints([edit])
    for _ in range(10):
        variable.value = value
        plan.execute()
    edit.destroy(planner)


def chain(n):
    """A chain of n equalities: each value set at its head must come out at its tail."""
    planner = Planner()
    variables = [Variable(f"v{i}", 0) for i in range(n + 1)]
    for i in range(n):
        EqualityConstraint(variables[i], variables[i + 1], REQUIRED, planner)
    StayConstraint(variables[-1], STRONG_DEFAULT, planner)
    edit = EditConstraint(variables[0], PREFERRED, planner)
    plan = planner.plan_from_constraints([edit])
    total = 0
    for value in range(20):
        variables[0].value = value
        plan.execute()
        if variables[-1].value != value:
            raise AssertionError(f"deltablue: the chain gave {variables[-1].value}, expected {value}")
        total += variables[-1].value
    edit.destroy(planner)
    return total


def projection(n):
    """n linear projections with a common scale and offset, changed from all four sides."""
    planner = Planner()
    scale = Variable("scale", 10)
    offset = Variable("offset", 1000)
    sources, destinations = [], []
    for i in range(n):
        source = Variable(f"s{i}", i)
        destination = Variable(f"d{i}", i)
        sources.append(source)
        destinations.append(destination)
        StayConstraint(source, NORMAL, planner)
        ScaleConstraint(source, scale, offset, destination, REQUIRED, planner)
    change(planner, source, 17)
    if destination.value != 1170:
        raise AssertionError(f"deltablue: the projection gave {destination.value}, expected 1170")
    change(planner, destination, 1050)
    if source.value != 5:
        raise AssertionError(f"deltablue: the projection back gave {source.value}, expected 5")
    change(planner, scale, 5)
    for i in range(n - 1):
        if destinations[i].value != i * 5 + 1000:
            raise AssertionError(f"deltablue: scaled value {i} is {destinations[i].value}, expected {i * 5 + 1000}")
    change(planner, offset, 2000)
    for i in range(n - 1):
        if destinations[i].value != i * 5 + 2000:
            raise AssertionError(f"deltablue: moved value {i} is {destinations[i].value}, expected {i * 5 + 2000}")
    return sum(each.value for each in destinations)


def run(n):
    """Solve a chain of n equalities and a network of n projections."""
    result = chain(n) + projection(n)
    expected = EXPECTED.get(n, 190 + sum(i * 5 + 2000 for i in range(n - 1)) + 2025)
    if result != expected:
        raise AssertionError(f"deltablue({n}): got {result}, expected {expected}")
    return result


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
