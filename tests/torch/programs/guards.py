"""State that changes between calls: attributes, globals, dicts, modes, shapes, default arguments; how often Dynamo compiles again."""

import order

order.begin()
import torch  # noqa: E402

FACTOR = 2
TABLE = {"a": 1.0, "b": 2.0}


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.ModuleList(torch.nn.Linear(3, 3) for _ in range(2))
        self.calls, self.skip = 0, False
        self.names = ["a"]

    def forward(self, x, mode="sum"):
        self.calls += 1
        for layer in self.layers:
            if not self.skip:
                x = layer(x)
        for name in self.names:
            x = x * TABLE[name]
        return (x.sum() if mode == "sum" else x.mean()) * FACTOR + (1 if self.training else 0)


torch.manual_seed(3)
model = Model()
compiled = torch.compile(model, backend="eager")


def call(*args, **kwargs):
    value = order.show(compiled(*args, **kwargs))
    order.hooked()
    return value, model.calls


x = torch.ones(2, 3)
print(call(x), call(x), call(x, mode="mean"))
FACTOR = 5
print(call(x))
TABLE["a"] = 3.0
print(call(x))
model.names.append("b")
print(call(x))
model.skip = True
print(call(x))
model.eval()
print(call(x), call(torch.ones(4, 3)), call(torch.ones(5, 3)))
model.layers.append(torch.nn.Linear(3, 3))
model.skip = False
print(call(x))
with torch.no_grad():
    print(call(x))
print(order.counts())
