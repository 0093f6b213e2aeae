"""Richards' task scheduler: stands for object-oriented programs with method dispatch and linked lists.

A simulated operating system in the manner of Martin Richards' benchmark (1981, BCPL).

Six tasks (idle, worker, two packet handlers, two devices) pass packets to each other until the idle
task has run down its counter; the numbers of packets queued and of tasks held are checked.
"""

DEFAULT_SIZE = 8
QUICK_SIZE = 1
HOT = ("Packet.append_to", "Scheduler.find", "Scheduler.hold", "Scheduler.release", "Scheduler.wait",
       "Scheduler.queue", "Scheduler.run", "Task.is_held_or_idle", "Task.accept", "Task.resume",
       "IdleTask.work", "WorkerTask.work", "HandlerTask.work", "DeviceTask.work")

# Packets queued and tasks held in n simulations; one has the counts of the original.
EXPECTED = {1: (23246, 9297), 8: (185968, 74376)}

IDLE, WORKER, HANDLER_A, HANDLER_B, DEVICE_A, DEVICE_B = 1, 2, 3, 4, 5, 6
KIND_DEVICE, KIND_WORK = 1000, 1001
BUFFER_SIZE = 4
IDLE_COUNT = 10000


class Packet:
    def __init__(self, link, ident, kind):
        self.link = link
        self.ident = ident
        self.kind = kind
        self.datum = 0
        self.data = [0] * BUFFER_SIZE

    def append_to(self, queue):
        self.link = None
        if queue is None:
            return self
        last = queue
        while last.link is not None:
            last = last.link
        last.link = self
        return queue


class Scheduler:
    def __init__(self):
        self.tasks = [None] * 10
        self.first = None
        self.current = None
        self.queued = 0
        self.held = 0

    def add(self, task):
        task.next = self.first
        self.first = task
        self.tasks[task.ident] = task

    def find(self, ident):
        task = self.tasks[ident]
        if task is None:
            raise ValueError(f"no task {ident}")
        return task

    def hold(self):
        self.held += 1
        self.current.holding = True
        return self.current.next

    def release(self, ident):
        task = self.find(ident)
        task.holding = False
        if task.priority > self.current.priority:
            return task
        return self.current

    def wait(self):
        self.current.waiting = True
        return self.current

    def queue(self, packet):
        task = self.find(packet.ident)
        self.queued += 1
        packet.link = None
        packet.ident = self.current.ident
        return task.accept(packet, self.current)

    def run(self):
        task = self.first
        while task is not None:
            self.current = task
            if task.is_held_or_idle():
                task = task.next
            else:
                task = task.resume()


class Task:
    def __init__(self, scheduler, ident, priority, packets, ready):
        self.scheduler = scheduler
        self.ident = ident
        self.priority = priority
        self.packets = packets
        self.next = None
        self.pending = packets is not None
        self.waiting = not ready
        self.holding = False
        scheduler.add(self)

    def is_held_or_idle(self):
        return self.holding or (not self.pending and self.waiting)

    def accept(self, packet, sender):
        if self.packets is None:
            self.packets = packet
            self.pending = True
            if self.priority > sender.priority:
                return self
        else:
            packet.append_to(self.packets)
        return sender

    def resume(self):
        message = None
        if self.pending and self.waiting:
            message = self.packets
            self.packets = message.link
            self.waiting = False
            self.pending = self.packets is not None
        return self.work(message)

    def work(self, packet):
        raise NotImplementedError


class IdleTask(Task):
    def __init__(self, scheduler, count):
        super().__init__(scheduler, IDLE, 0, None, True)
        self.control = 1
        self.count = count

    def work(self, packet):
        self.count -= 1
        if self.count == 0:
            return self.scheduler.hold()
        if self.control & 1 == 0:
            self.control //= 2
            return self.scheduler.release(DEVICE_A)
        self.control = self.control // 2 ^ 0xD008
        return self.scheduler.release(DEVICE_B)


class WorkerTask(Task):
    def __init__(self, scheduler, packets):
        super().__init__(scheduler, WORKER, 1000, packets, False)
        self.destination = HANDLER_A
        self.letter = 0

    def work(self, packet):
        if packet is None:
            return self.scheduler.wait()
        self.destination = HANDLER_B if self.destination == HANDLER_A else HANDLER_A
        packet.ident = self.destination
        packet.datum = 0
        for i in range(BUFFER_SIZE):
            self.letter += 1
            if self.letter > 26:
                self.letter = 1
            packet.data[i] = 64 + self.letter
        return self.scheduler.queue(packet)


class HandlerTask(Task):
    def __init__(self, scheduler, ident, priority, packets):
        super().__init__(scheduler, ident, priority, packets, False)
        self.work_in = None
        self.device_in = None

    def work(self, packet):
        if packet is not None:
            if packet.kind == KIND_WORK:
                self.work_in = packet.append_to(self.work_in)
            else:
                self.device_in = packet.append_to(self.device_in)
        work = self.work_in
        if work is not None:
            count = work.datum
            if count >= BUFFER_SIZE:
                self.work_in = work.link
                return self.scheduler.queue(work)
            device = self.device_in
            if device is not None:
                self.device_in = device.link
                device.datum = work.data[count]
                work.datum = count + 1
                return self.scheduler.queue(device)
        return self.scheduler.wait()


class DeviceTask(Task):
    def __init__(self, scheduler, ident, priority):
        super().__init__(scheduler, ident, priority, None, False)
        self.held_packet = None

    def work(self, packet):
        if packet is None:
            packet = self.held_packet
            if packet is None:
                return self.scheduler.wait()
            self.held_packet = None
            return self.scheduler.queue(packet)
        self.held_packet = packet
        return self.scheduler.hold()


def simulate():
    scheduler = Scheduler()
    IdleTask(scheduler, IDLE_COUNT)
    queue = Packet(None, 0, KIND_WORK)
    queue = Packet(queue, 0, KIND_WORK)
    WorkerTask(scheduler, queue)
    for ident, device, priority in ((HANDLER_A, DEVICE_A, 2000), (HANDLER_B, DEVICE_B, 3000)):
        queue = None
        for _ in range(3):
            queue = Packet(queue, device, KIND_DEVICE)
        HandlerTask(scheduler, ident, priority, queue)
    DeviceTask(scheduler, DEVICE_A, 4000)
    DeviceTask(scheduler, DEVICE_B, 5000)
    scheduler.run()
    return scheduler.queued, scheduler.held


def run(n):
    """Run the whole simulation n times; the counts must be those of the original."""
    queued = held = 0
    for _ in range(n):
        counts = simulate()
        queued += counts[0]
        held += counts[1]
    if (queued, held) != EXPECTED.get(n, (23246 * n, 9297 * n)):
        raise AssertionError(f"richards({n}): got {queued} packets and {held} holds, expected "
                             f"{EXPECTED.get(n, (23246 * n, 9297 * n))}")
    return f"{queued} {held}"


if __name__ == "__main__":
    import harness

    harness.main(run, DEFAULT_SIZE)
