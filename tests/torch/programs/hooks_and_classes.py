"""Module and tensor hooks, tensor subclasses, dispatch and function modes, custom autograd functions; eager and compiled."""

import order

order.begin()
import torch  # noqa: E402
from torch.overrides import TorchFunctionMode  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

LOG = []


class Named(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        LOG.append(getattr(function, "__name__", str(function)))
        return super().__torch_function__(function, types, args, kwargs or {})


class Counting(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.names = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = str(function)
        self.names[name] = self.names.get(name, 0) + 1
        return function(*args, **kwargs or {})


class Watching(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        LOG.append(function.__name__)
        return function(*args, **kwargs or {})


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x ** 3

    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        return 3 * x * x * grad


torch.manual_seed(4)
network = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
handles = [network[0].register_forward_hook(lambda module, args, out: out * 2),
           network[2].register_forward_pre_hook(lambda module, args: (args[0] + 1,)),
           network[0].register_full_backward_hook(lambda module, before, after: LOG.append(len(before)))]
x = torch.randn(3, 4, requires_grad=True)
x.register_hook(lambda grad: grad * 10)
for callee in (network, torch.compile(network, backend="eager")):
    for _ in range(3):
        x.grad = None
        callee(x).sum().backward()
        order.hooked()
        print(order.show(x.grad), LOG)
        LOG.clear()
for handle in handles:
    handle.remove()
print(order.show(network(x)), order.counts())

named = torch.ones(2).as_subclass(Named)
for _ in range(5):
    named = named + torch.ones(2) * named.mean()
print(type(named).__name__, order.show(named.as_subclass(torch.Tensor)), sorted(LOG))
LOG.clear()

with Counting() as counting:
    for _ in range(5):
        torch.nn.functional.softmax(network(x), 0).sum().backward()
print(sorted(counting.names.items()))
with Watching():
    torch.add(torch.ones(2), 1).mul(2)
print(LOG)

y = torch.tensor([1.0, 2.0], requires_grad=True)
for function in (Cube.apply, torch.compile(lambda v: Cube.apply(v) + 1, backend="aot_eager")):
    y.grad = None
    function(y).sum().backward()
    print(order.show(y.grad))
