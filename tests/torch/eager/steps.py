"""Eager training and inference of small models, where most of the time is Python's: CPU time of each step.

    python steps.py MODEL STEPS [--json]

Models: mlp, conv, transformer, rnn (training), generate (inference). Prints the median over the second half of the steps, in
microseconds of CPU time; with --json all of them. One thread; the same seed each time, and the last loss, which must be equal
under the JIT.
"""

import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - its usual name


MODELS = ("mlp", "conv", "transformer", "rnn", "generate")


class Block(nn.Module):
    """A transformer's layer written out, as small research code has it."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(0.1), nn.Linear(2 * width, width))

    def split(self, x):
        return x.view(x.size(0), x.size(1), self.heads, -1).transpose(1, 2)

    def forward(self, x):
        y = self.norm_1(x)
        query, key, value = (self.split(part(y)) for part in (self.query, self.key, self.value))
        y = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(x.shape))
        return x + self.mlp(self.norm_2(x))


class Cells(nn.Module):
    """A recurrent network, step by step in Python."""

    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRUCell(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        state = x.new_zeros(x.size(0), 16)
        for each in x.unbind(1):
            state = self.cell(each, state)
        return self.head(state)


def _training(model, inputs, targets, loss_function, wrap):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model = wrap(model)

    def step():
        optimizer.zero_grad()
        loss = loss_function(model(inputs), targets)
        loss.backward()
        optimizer.step()
        return loss

    return step


def _generation():
    embedding, body, head = nn.Embedding(50, 32), nn.Sequential(Block(32, 4), Block(32, 4)), nn.Linear(32, 50)
    for part in (embedding, body, head):
        part.eval()

    def step():
        tokens = torch.zeros(1, 1, dtype=torch.long)
        with torch.no_grad():
            for _ in range(8):
                scores = head(body(embedding(tokens)))[:, -1]
                tokens = torch.cat([tokens, scores.argmax(-1, keepdim=True)], 1)
        return tokens.sum()

    return step


def _task(name):
    """Model, inputs, targets and loss function."""
    if name == "mlp":
        model = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 4))
        return model, torch.randn(8, 16), torch.randint(0, 4, (8,)), F.cross_entropy
    if name == "conv":
        model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 4))
        return model, torch.randn(4, 3, 8, 8), torch.randint(0, 4, (4,)), F.cross_entropy
    if name == "transformer":
        model = nn.Sequential(Block(32, 4), Block(32, 4), nn.Linear(32, 8))
        return model, torch.randn(2, 6, 32), torch.randn(2, 6, 8), F.mse_loss
    return Cells(), torch.randn(4, 10, 8), torch.randn(4, 4), F.mse_loss


def make(name, wrap=lambda model: model):
    """The function that does one step and returns a scalar tensor; `wrap` makes of a model that is trained the one that is called."""
    torch.manual_seed(0)
    return _generation() if name == "generate" else _training(*_task(name), wrap)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("steps", type=int)
    parser.add_argument("--json", action="store_true", help="all steps' times")
    options = parser.parse_args()
    torch.set_num_threads(1)
    step, times, last = make(options.model), [], None
    for _ in range(options.steps):
        start = time.process_time()
        last = step()
        times.append(time.process_time() - start)
    half = sorted(times[len(times) // 2:])
    result = {"model": options.model, "median_us": round(1e6 * half[len(half) // 2], 1), "result": float(last)}
    if options.json:
        result["seconds"] = times
    print(json.dumps(result))


if __name__ == "__main__":
    main()
