"""DataLoader without workers, and with forked and spawned ones."""

import order

order.begin()
import torch  # noqa: E402
from torch.utils.data import DataLoader, Dataset, IterableDataset  # noqa: E402


class Squares(Dataset):
    def __len__(self):
        return 40

    def __getitem__(self, index):
        if index < 0 or index >= 40:
            raise IndexError(index)
        return {"x": torch.full((2,), float(index)), "y": sum(k * k for k in range(index)) % 97}


class Stream(IterableDataset):
    def __iter__(self):
        yield from (torch.tensor(k % 7) for k in range(20))


def collate(rows):
    return torch.stack([row["x"] for row in rows]).sum(), [row["y"] for row in rows]


def main():
    for workers, context in ((0, None), (2, "fork"), (2, "spawn")):
        generator = torch.Generator().manual_seed(5)
        loader = DataLoader(Squares(), batch_size=8, shuffle=True, num_workers=workers, multiprocessing_context=context,
                            collate_fn=collate, generator=generator)
        for epoch in range(2):
            print(workers, context, epoch, [(float(total), rows) for total, rows in loader])
            order.hooked()
        print([batch.tolist() for batch in DataLoader(Stream(), batch_size=6)])


if __name__ == "__main__":
    main()
