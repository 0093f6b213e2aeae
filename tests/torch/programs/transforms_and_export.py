"""torch.func (vmap, grad, jacrev), torch.export, torch.fx, torch.jit.script and trace."""

import order

order.begin()
import torch  # noqa: E402
from torch.func import grad, jacrev, vmap  # noqa: E402


def energy(x, k=2.0):
    return (torch.sin(x) * k).sum() + (x ** 2).prod()


x = torch.linspace(0.1, 1, 12).reshape(3, 4)
for _ in range(3):
    print(order.show(vmap(energy)(x)), order.show(vmap(grad(energy))(x)), order.show(jacrev(grad(energy))(x[0])))
compiled = torch.compile(lambda v: vmap(grad(energy))(v), backend="eager")
print(order.show(compiled(x)))
order.hooked()
print(order.counts())


class Gate(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((4,), 0.5))

    def forward(self, x):
        for _ in range(2):
            x = torch.tanh(x * self.weight) + x
        return x, {"norm": x.norm()}


gate = Gate()
exported = torch.export.export(gate, (x,))
result, extra = exported.module()(x)
print(order.show(result), order.show(extra["norm"]), len(list(exported.graph.nodes)))
traced = torch.fx.symbolic_trace(gate)
print([(node.op, node.name) for node in traced.graph.nodes])
print(order.show(traced(x)[0]))


@torch.jit.script
def scripted(x, n: int):
    total = x
    for i in range(n):
        if i % 2 == 0:
            total = total + i
        else:
            total = total * 0.5
    return total


print(order.show(scripted(x[0], 5)), order.show(torch.jit.trace(lambda v: v.exp().sum(), (x,))(x)))
