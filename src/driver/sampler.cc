#include "driver/sampler.h"

#include <algorithm>
#include <atomic>

#include "boot/helper_thread.h"
#include "pyver/contract.h"

namespace tephra::driver {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kMillisecond = 1'000'000;
// A sample costs some 5 us of CPU time, but 20 to 60 where the thread shares the core with the
// program (a training step in PyTorch on a virtual machine: 1.5 % by one in 4 ms): so they are
// dense in the beginning only, and sparse where nothing gets compiled.
constexpr uint64_t kDense = 500 * kMillisecond;
constexpr uint64_t kUsual = 2, kSlowest = 8;  // periods
constexpr int kPatience = 32;  // samples by which nothing is compiled before they become fewer
constexpr size_t kStackBytes = 256 * 1024;
constexpr uint64_t kLongestNap = kSecond / 2;

struct Sampler {
  SampleFunction sample = nullptr;
  boot::HelperThread thread;
  bool at_forks = false;
  bool restart = false;  // it was stopped for a fork
  uint64_t base = 0;     // the option's period
  uint64_t begun = 0, served = 0;
  int idle = 0;  // samples in a row by which nothing was compiled
  uint64_t taken = 0;
  // Shared with the thread.
  std::atomic<uint64_t> period{0};
  std::atomic<bool> waiting{false};  // a request that was not served yet
};

Sampler& self() {
  static auto* only = new Sampler;  // the thread may outlive static objects
  return *only;
}

// Until the process has used a period's CPU time since `last`. Sleeps longer and longer while it
// uses none. False: the thread is to end. (Sleeping by the process's CPU clock would not wake at
// all then; but while anybody waits for that clock, Linux reads it in ticks of some milliseconds,
// and time.process_time with it.)
bool waitForTime(uint64_t last) {
  const uint64_t period = self().period.load(std::memory_order_relaxed);
  uint64_t before = last;
  for (uint64_t nap = period;;) {
    if (!self().thread.sleep(nap)) return false;
    const uint64_t now = processCpuTime();
    if (now - last >= period - period / 4) return true;
    nap = now - before < nap / 8 ? std::min(2 * nap, kLongestNap) : period;
    before = now;
  }
}

int serve(void*);

void* run(void*) {
  while (waitForTime(processCpuTime())) {
    if (self().waiting.exchange(true)) continue;
    if (!py::addPendingCall(serve)) self().waiting = false;
  }
  return nullptr;
}

void adaptPeriod(bool news, uint64_t now) {
  const bool dense = now - self().begun < kDense;
  const uint64_t least = dense ? self().base : kUsual * self().base;
  uint64_t period = self().period;
  if (news || dense) {
    self().idle = 0;
    period = least;
  } else if (++self().idle >= kPatience) {
    self().idle = 0;
    period *= 2;
  }
  self().period = std::clamp(period, least, kSlowest * self().base);
}

int serve(void*) {
  self().waiting = false;
  if (!self().thread.isStarted() || py::isFinalizing()) return 0;
  const uint64_t now = processCpuTime();
  const uint64_t most = 2 * self().period;
  const uint64_t elapsed = std::min(now - std::min(now, self().served), most);
  ++self().taken;
  const bool news = self().sample(py::threadState(), elapsed);
  self().served = processCpuTime();  // compiling is nobody's heat
  adaptPeriod(news, self().served);
  return 0;
}

const char* startThread() {
  if (self().thread.isOurs()) return "";
  self().waiting = false;
  self().served = processCpuTime();
  self().begun = self().served;
  self().period = self().base;
  self().idle = 0;
  return self().thread.start(kStackBytes, run) ? ""
                                               : "no thread can be started that samples what runs";
}

// A thread during os.fork is warned of, and the child would have locks that it held.
PyObject* beforeFork(PyObject*, PyObject*) {
  const bool runs = self().thread.isOurs();
  stopSampler();
  self().restart = runs;
  Py_RETURN_NONE;
}

PyObject* afterFork(PyObject*, PyObject*) {
  if (self().restart) startThread();  // without one nothing more gets compiled, that is all
  self().restart = false;
  Py_RETURN_NONE;
}

PyMethodDef kBefore{"tephra_before_fork", beforeFork, METH_NOARGS, nullptr};
PyMethodDef kAfter{"tephra_after_fork", afterFork, METH_NOARGS, nullptr};

}  // namespace

uint64_t processCpuTime() { return boot::readClock(CLOCK_PROCESS_CPUTIME_ID); }
uint64_t threadCpuTime() { return boot::readClock(CLOCK_THREAD_CPUTIME_ID); }

const char* startSampler(SampleFunction sample, uint64_t period) {
  self().sample = sample;
  self().base = period;
  if (!self().at_forks && !boot::watchForks(&kBefore, &kAfter, &kAfter))
    return "forks cannot be watched";
  self().at_forks = true;
  return startThread();
}

void stopSampler() {
  self().restart = false;
  self().thread.stop();
}

uint64_t samplesTaken() { return self().taken; }

void forgetSampler() {
  stopSampler();
  self().at_forks = false;
  self().taken = 0;
}

}  // namespace tephra::driver
