"""torch.compile with the backends eager, aot_eager and inductor: a network, forward, backward and three steps."""

import order

order.begin()
import torch  # noqa: E402

torch.manual_seed(1)


class Block(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first, self.second = torch.nn.Linear(width, 2 * width), torch.nn.Linear(2 * width, width)
        self.scale = 0.5

    def forward(self, x, *, residual=True):
        y = self.second(torch.nn.functional.gelu(self.first(x)))
        return x + self.scale * y if residual else y


for backend in ("eager", "aot_eager", "inductor"):
    torch.manual_seed(2)
    network = torch.nn.Sequential(Block(8), Block(8), torch.nn.Linear(8, 2))
    compiled = torch.compile(network, backend=backend)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    points, wanted = torch.randn(16, 8), torch.randn(16, 2)
    for step in range(3):
        optimiser.zero_grad()
        loss = torch.nn.functional.mse_loss(compiled(points), wanted)
        loss.backward()
        optimiser.step()
        order.hooked()
        print(backend, step, order.show(loss))
    with torch.no_grad():
        print(backend, "evaluated", order.show(compiled(points[:3])), order.show(network(points[:3])))
    print(backend, order.counts())
    torch._dynamo.reset()
