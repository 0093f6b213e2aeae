"""Asyncio: a server and clients on the loopback interface, with queues, locks and time-outs, in one loop."""

import asyncio
import json

import inputs

DEFAULT_SIZE = 1900
PACKAGES = ()


async def serve(reader, writer):
    while line := await reader.readline():
        request = json.loads(line)
        if request["kind"] == "sum":
            answer = sum(request["values"])
        else:
            answer = sorted(request["values"], key=str)
        writer.write(json.dumps({"id": request["id"], "answer": answer}).encode() + b"\n")
        await writer.drain()
    writer.close()


class Client:
    def __init__(self, port):
        self._port, self._lock, self._next = port, asyncio.Lock(), 0

    async def open(self):
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def ask(self, kind, values):
        async with self._lock:
            self._next += 1
            self._writer.write(json.dumps({"id": self._next, "kind": kind, "values": values}).encode() + b"\n")
            await self._writer.drain()
            answer = json.loads(await asyncio.wait_for(self._reader.readline(), 30))
            assert answer["id"] == self._next
            return answer["answer"]


async def work(queue, client, results):
    while (job := await queue.get()) is not None:
        number, kind, values = job
        results[number] = await client.ask(kind, values)
        queue.task_done()
    queue.task_done()


async def rounds(step, size):
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    clients = [Client(server.sockets[0].getsockname()[1]) for _ in range(8)]
    await asyncio.gather(*(client.open() for client in clients))
    for i in range(size):
        rng = inputs.generator(i)
        queue, results = asyncio.Queue(20), {}
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(work(queue, client, results))
            for number in range(80):
                kind, values = rng.choice(["sum", "sort"]), [rng.randrange(1000) for _ in range(20)]
                await queue.put((number, kind, values))
            for _ in clients:
                await queue.put(None)
        step([results[number] for number in range(80)])


def run(step, size):
    asyncio.run(rounds(step, size))
