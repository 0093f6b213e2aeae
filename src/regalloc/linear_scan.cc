// Purpose: gives every piece of every interval a register or leaves it in its slot, in order of
// start positions (Wimmer and Mössenböck 2005, figures 3 and 4). The banks are independent.
//
// How costs decide: a call blocks the caller-saved registers, so an interval across it wants a
// callee-saved one. A new callee-saved register costs a store and a load per call of the function,
// which is worth it when hot code is crossed; across cold code only, the value is stored and
// reloaded there instead, and a constant is simply made again.
#include <algorithm>
#include <queue>

#include "base/check.h"
#include "regalloc/allocation.h"

namespace tephra::regalloc {
namespace {

class LinearScan {
 public:
  LinearScan(Allocation& a, Bank bank)
      : a_(a),
        bank_(bank),
        usable_(a.target.allocatable(bank)),
        callee_saved_(a.target.calleeSaved(bank)),
        random_(a.options.shuffle_seed * 2 + static_cast<uint64_t>(bank)) {}

  void run() {
    for (uint32_t v = 1; v < a_.vregs.size(); ++v) {
      Interval* interval = a_.vregs[v].first;
      if (interval && interval->bank == bank_) enqueue(interval);
    }
    while (!unhandled_.empty() && a_.error.empty()) {
      Interval* current = unhandled_.top().interval;
      unhandled_.pop();
      position_ = current->start();
      expire();
      allocate(current);
    }
    a_.function.used_callee_saved[static_cast<int>(bank_)] = used_ & callee_saved_;
  }

 private:
  struct Entry {
    int start;
    uint32_t sequence;  // equal starts: in order of definition, so that results do not depend on
                        // addresses
    Interval* interval;
    bool operator<(const Entry& o) const {
      return start != o.start ? start > o.start : sequence > o.sequence;
    }
  };

  bool shuffling() const { return a_.options.shuffle_seed != 0; }
  uint32_t random(uint32_t below) {
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>((random_ >> 33) % below);
  }

  void enqueue(Interval* interval) {
    TEPHRA_CHECK(interval->start() >= position_, "intervals are handled in order");
    uint32_t sequence = shuffling() ? random(1u << 30) : sequence_++;
    unhandled_.push({interval->start(), sequence, interval});
  }

  void fail(const Interval* interval, const char* why) {
    if (a_.error.empty()) a_.error = "register " + std::to_string(interval->vreg) + ": " + why;
  }

  // --- the sets: `active_` hold their register now, the idle ones are in a hole

  // Those with a hole now, a heap by where the hole ends. Their number is their place in order, in
  // which all is done that more than one take part in.
  struct Idle {
    int from;
    uint32_t number;
    Interval* interval;                                            // null: it has lost its register
    bool operator<(const Idle& o) const { return from > o.from; }  // the least on top
  };

  void addIdle(Interval* interval, uint32_t number) {
    idle_.push_back({interval->ranges[interval->cursor].from, number, interval});
    std::push_heap(idle_.begin(), idle_.end());
  }

  // f(Idle&) for each whose hole ends before `end`, until it says true; the heap stays as it is.
  template <typename F>
  bool anyIdle(int end, F f) {
    walk_.assign(1, 0);
    while (!walk_.empty()) {
      const size_t at = walk_.back();
      walk_.pop_back();
      if (at >= idle_.size() || idle_[at].from >= end) continue;
      if (idle_[at].interval != nullptr && f(idle_[at])) return true;
      walk_.push_back(2 * at + 1);
      walk_.push_back(2 * at + 2);
    }
    return false;
  }

  // In SSA form a value is defined where no value with a hole there is needed before it ends: what
  // begins at its definition meets no idle one (Wimmer and Franz, section 5).
  bool meetsIdle(const Interval& current) const { return a_.vregs[current.vreg].first != &current; }

  static bool coversNow(Interval* interval, int position) {
    while (interval->cursor < interval->ranges.size() &&
           interval->ranges[interval->cursor].to <= position) {
      ++interval->cursor;
    }
    return interval->cursor < interval->ranges.size() &&
           interval->ranges[interval->cursor].from <= position;
  }

  void expire() {
    size_t kept = 0;
    for (Interval* it : active_) {
      if (it->end() <= position_) continue;
      if (coversNow(it, position_))
        active_[kept++] = it;
      else
        addIdle(it, idle_number_++);
    }
    active_.resize(kept);
    awake_.clear();
    while (!idle_.empty() && idle_.front().from <= position_) {
      const Idle next = idle_.front();
      std::pop_heap(idle_.begin(), idle_.end());
      idle_.pop_back();
      if (next.interval == nullptr || next.interval->end() <= position_) continue;
      if (coversNow(next.interval, position_))
        awake_.push_back(next);
      else
        addIdle(next.interval, next.number);
    }
    sortByNumber(&awake_);
    for (const Idle& each : awake_) active_.push_back(each.interval);
    for (RegSet rest = usable_; rest; rest &= rest - 1) {
      int reg = std::countr_zero(rest);
      const auto& ranges = fixed(reg);
      size_t& cursor = fixed_cursor_[reg];
      while (cursor < ranges.size() && ranges[cursor].to <= position_) ++cursor;
    }
  }

  const std::vector<Range>& fixed(int reg) const { return a_.fixed[static_cast<int>(bank_)][reg]; }

  int nextFixed(int reg, const Interval& interval) const {
    std::span<const Range> ranges = fixed(reg);
    return firstIntersection(ranges.subspan(fixed_cursor_[reg]), interval.ranges);
  }

  static void sortByNumber(std::vector<Idle>* all) {
    std::sort(all->begin(), all->end(),
              [](const Idle& x, const Idle& y) { return x.number < y.number; });
  }

  // --- one interval

  void allocate(Interval* current) {
    if (a_.options.spill_everything) {
      int use = current->nextRegisterUse(current->start());
      if (use == kForever || gapAt(use) > current->start()) return leaveInSlot(current, true);
      if (gapAfter(use) < current->end()) enqueue(splitInterval(current, gapAfter(use), a_.arena));
    }
    findFreeUntil(current);
    if (!tryFree(current)) takeFromOthers(current);
  }

  void place(Interval* current, int reg) {
    current->reg = static_cast<int8_t>(reg);
    current->placed = true;
    used_ |= RegSet{1} << reg;
    active_.push_back(current);
    VRegInfo& v = a_.vregs[current->vreg];
    if (v.is_param && v.first == current) v.suggested = static_cast<int8_t>(reg);
    if (v.param && a_.vregs[v.param].suggested < 0)
      a_.vregs[v.param].suggested = static_cast<int8_t>(reg);
  }

  // In the slot (or nowhere, for a constant) until a register is needed; then it is a new interval.
  void leaveInSlot(Interval* current, bool exactly = false) {
    current->reg = -1;
    current->placed = true;
    int use = current->nextRegisterUse(current->start());
    if (use == kForever) return;
    int latest = gapAt(use);
    int earliest = std::max(gapAfter(current->start()), gapAfter(position_));
    if (earliest > latest) return fail(current, "no register where one is needed");
    enqueue(splitInterval(current, exactly ? latest : cheapestCut(earliest, latest), a_.arena));
  }

  // Among the cuts in [earliest, latest], one where code runs least often; the latest of those.
  int cheapestCut(int earliest, int latest) {
    if (shuffling() && random(4) == 0) {
      return earliest +
             4 * static_cast<int>(random(static_cast<uint32_t>((latest - earliest) / 4 + 1)));
    }
    int best = latest;
    size_t block = static_cast<size_t>(a_.block_at[static_cast<size_t>(latest) / 4]);
    uint32_t lowest = a_.blocks[block].frequency;
    // Hot blocks come first: none before a hot one runs less often than once.
    const uint32_t least = a_.blocks[block].cold ? kColdFrequency : kHotFrequency;
    for (; lowest > least && block > 0 && a_.blocks[block].from >= earliest; --block) {
      uint32_t cost = std::min(a_.blocks[block].frequency, a_.blocks[block - 1].frequency);
      if (cost < lowest) {
        lowest = cost;
        best = a_.blocks[block].from;
      }
    }
    return best;
  }

  void findFreeUntil(Interval* current) {
    for (RegSet rest = usable_; rest; rest &= rest - 1)
      free_until_[std::countr_zero(rest)] = kForever;
    for (Interval* it : active_) free_until_[it->reg] = 0;
    TEPHRA_DCHECK(meetsIdle(*current) || !anyIdle(current->end(),
                                                  [&](Idle& idle) {
                                                    return firstIntersection(*idle.interval,
                                                                             *current) != kForever;
                                                  }),
                  "what begins at its definition meets nothing that is in a hole");
    if (meetsIdle(*current)) {
      anyIdle(current->end(), [&](Idle& idle) {
        int& until = free_until_[idle.interval->reg];
        if (until != 0) until = std::min(until, firstIntersection(*idle.interval, *current));
        return false;
      });
    }
    for (RegSet rest = usable_; rest; rest &= rest - 1) {
      int reg = std::countr_zero(rest);
      if (free_until_[reg] != 0)
        free_until_[reg] = std::min(free_until_[reg], nextFixed(reg, *current));
    }
  }

  bool isNewCalleeSaved(int reg) const { return (callee_saved_ & ~used_) >> reg & 1; }

  // The registers that would spare a move, best first.
  int hints(const Interval& current, int* out) const {
    int count = 0;
    const VRegInfo& v = a_.vregs[current.vreg];
    auto add = [&](int reg) {
      if (reg >= 0 && count < 6 && usable_ >> reg & 1) out[count++] = reg;
    };
    for (const UsePosition& use : current.uses) {
      if (use.hint >= 0) {
        add(use.hint);
        break;
      }
    }
    if (v.first == &current) {
      add(v.def_hint);
      if (v.copy_of) {
        const Interval* from = pieceAt(a_.vregs[v.copy_of].first, current.start() - 1);
        if (from && from->placed) add(from->reg);
      }
    }
    add(v.suggested);
    if (v.param) add(a_.vregs[v.param].suggested);
    return count;
  }

  // A register that is free for all of `current`, or -1.
  int freeToTheEnd(const Interval& current) {
    int end = current.end(), wanted[6];
    if (shuffling() && random(3) != 0) {
      RegSet fits = 0;
      for (RegSet rest = usable_; rest; rest &= rest - 1) {
        int reg = std::countr_zero(rest);
        if (free_until_[reg] >= end) fits |= RegSet{1} << reg;
      }
      if (!fits) return -1;
      for (uint32_t skip = random(static_cast<uint32_t>(std::popcount(fits))); skip; --skip)
        fits &= fits - 1;
      return std::countr_zero(fits);
    }
    for (int i = 0, count = hints(current, wanted); i < count; ++i) {
      if (free_until_[wanted[i]] >= end) return wanted[i];
    }
    int best = -1;
    for (RegSet rest = usable_; rest; rest &= rest - 1) {
      int reg = std::countr_zero(rest);
      if (free_until_[reg] < end) continue;
      bool is_new = isNewCalleeSaved(reg), best_new = best >= 0 && isNewCalleeSaved(best);
      // The tightest fit leaves the freest registers to longer intervals.
      if (best < 0 || (best_new && !is_new) ||
          (best_new == is_new && free_until_[reg] < free_until_[best]))
        best = reg;
    }
    return best;
  }

  // Free the longest, callee-saved registers that nobody uses yet aside when `old_only`.
  int freeLongest(const Interval& current, bool old_only) {
    int best = -1, wanted[6];
    for (RegSet rest = usable_; rest; rest &= rest - 1) {
      int reg = std::countr_zero(rest);
      if (old_only && isNewCalleeSaved(reg)) continue;
      if (best < 0 || free_until_[reg] > free_until_[best]) best = reg;
    }
    if (best < 0) return -1;
    for (int i = 0, count = hints(current, wanted); i < count; ++i) {
      // It would be cut at the same place.
      if (gapAt(free_until_[wanted[i]]) == gapAt(free_until_[best])) return wanted[i];
    }
    return best;
  }

  bool tryFree(Interval* current) {
    int reg = freeToTheEnd(*current);
    if (reg >= 0 && isNewCalleeSaved(reg) && tryWithoutCalleeSaved(current)) return true;
    if (reg >= 0) {
      place(current, reg);
      return true;
    }
    reg = freeLongest(*current, false);
    return reg >= 0 && (takeFromIdle(current, free_until_[reg]) || takePart(current, reg));
  }

  // In a loop, a register that is free to the end beats one that is not: one of those that live
  // through the loop without being used in it goes to its slot before the loop and comes back
  // behind it.
  bool takeFromIdle(Interval* current, int until) {
    uint32_t here = a_.blockInfoAt(current->start()).frequency;
    int again = until == kForever ? kForever : current->nextRegisterUse(gapAt(until));
    if (again == kForever || a_.blockInfoAt(again).frequency < here) return false;
    int gap = gapAt(current->start()), farthest = -1;
    Interval* best = nullptr;
    for (Interval* it : active_) {
      int use = it->nextNearUse(gap);
      bool comes_back_here =
          use != kForever && (gapAt(use) <= gap || a_.blockInfoAt(use).frequency >= here);
      if (comes_back_here || it->start() >= gap || nextFixed(it->reg, *current) < current->end())
        continue;
      int cut = cheapestCut(
          std::min(std::max(gapAfter(it->start()), gapAfter(it->lastUse(gap))), gap), gap);
      if (a_.blockInfoAt(cut - 1).frequency >= here || use <= farthest ||
          heldLater(it->reg, *current))
        continue;
      farthest = use;
      best = it;
    }
    if (!best) return false;
    int reg = best->reg;
    evict(current, reg);
    place(current, reg);
    return true;
  }

  bool heldLater(int reg, const Interval& current) {
    return meetsIdle(current) && anyIdle(current.end(), [&](Idle& idle) {
             return idle.interval->reg == reg &&
                    firstIntersection(*idle.interval, current) != kForever;
           });
  }

  // Is a callee-saved register not worth its price? Then take another one for a part.
  bool tryWithoutCalleeSaved(Interval* current) {
    int reg = freeLongest(*current, true);
    bool constant = a_.vregs[current->vreg].constant != nullptr;
    if (reg < 0) return false;
    int until = free_until_[reg];
    if (until >= current->end()) {  // when shuffling: another one is as good
      place(current, reg);
      return true;
    }
    if (!constant && until < a_.cold_from) return false;
    if (gapAt(until) <= current->start()) {
      // Nothing else is free even here.
      if (gapAt(current->nextRegisterUse(current->start())) <= current->start()) return false;
      leaveInSlot(current);
      return true;
    }
    return takePart(current, reg);
  }

  // `reg` is free at the start only: use it up to there, or not at all if nothing needs it before.
  bool takePart(Interval* current, int reg) {
    int until = free_until_[reg];
    if (gapAt(until) <= current->start()) return false;
    int use = current->nextRegisterUse(current->start());
    if (use >= gapAt(until) && !movedBefore(*current, gapAt(until))) {
      leaveInSlot(current);
      return true;
    }
    // Behind the last use before that position it may leave the register anywhere.
    int earliest = std::max(gapAfter(current->start()), gapAfter(current->lastUse(gapAt(until))));
    enqueue(splitInterval(current, cheapestCut(std::min(earliest, gapAt(until)), gapAt(until)),
                          a_.arena));
    place(current, reg);
    return true;
  }

  // A result that leaves a register anyway, and is copied somewhere before `until`: no reason to go
  // through the stack.
  bool movedBefore(const Interval& current, int until) const {
    const VRegInfo& v = a_.vregs[current.vreg];
    if (v.first != &current || v.constant || v.is_param) return false;
    return std::any_of(current.uses.begin(), current.uses.end(), [&](const UsePosition& use) {
      return use.position > current.start() && use.position < until && use.copied();
    });
  }

  // --- when no register is free: who waits longest for his next use gives his up

  // Distance of the next use from `from`, a constant's counted twice: it costs no store.
  int urgency(const Interval& it, int from) const {
    int use = it.nextRegisterUse(from);
    if (use == kForever || !a_.vregs[it.vreg].constant) return use;
    return use > kForever / 2 ? kForever : use + (use - from);
  }

  void takeFromOthers(Interval* current) {
    int start = current->start(), gap = gapAt(start), first = current->nextRegisterUse(start);
    int next_use[64], blocked[64];
    for (RegSet rest = usable_; rest; rest &= rest - 1) {
      int reg = std::countr_zero(rest);
      next_use[reg] = kForever;
      blocked[reg] = nextFixed(reg, *current);
    }
    for (Interval* it : active_) {
      bool needed = gapAt(it->nextRegisterUse(gap)) <= gap;  // right here: cannot be put away
      next_use[it->reg] = std::min(next_use[it->reg], needed ? 0 : urgency(*it, gap));
    }
    if (meetsIdle(*current)) {
      anyIdle(current->end(), [&](Idle& idle) {
        const Interval& it = *idle.interval;
        if (firstIntersection(it, *current) != kForever)
          next_use[it.reg] = std::min(next_use[it.reg], urgency(it, start));
        return false;
      });
    }
    int best = -1;
    RegSet legal = 0;
    for (RegSet rest = usable_; rest; rest &= rest - 1) {
      int reg = std::countr_zero(rest);
      bool past =
          blocked[reg] == kForever || gapAt(blocked[reg]) > start || blocked[reg] >= current->end();
      if (!past || next_use[reg] == 0) continue;
      legal |= RegSet{1} << reg;
      if (best < 0 ||
          std::min(next_use[reg], blocked[reg]) > std::min(next_use[best], blocked[best]))
        best = reg;
    }
    bool can_wait = first == kForever || gapAt(first) > start;
    if (best < 0 || (can_wait && std::min(next_use[best], blocked[best]) <= first)) {
      if (!can_wait) return fail(current, "no register can be freed");
      return leaveInSlot(current);
    }
    if (shuffling() && random(2) == 0) {
      for (uint32_t skip = random(static_cast<uint32_t>(std::popcount(legal))); skip; --skip)
        legal &= legal - 1;
      best = std::countr_zero(legal);
    }
    evict(current, best);
    if (blocked[best] < current->end()) {
      // A current that only a fixed register stops later is cut like one in a free register.
      int latest = gapAt(blocked[best]);
      int earliest = std::max(gapAfter(start), gapAfter(current->lastUse(latest)));
      enqueue(splitInterval(current, cheapestCut(std::min(earliest, latest), latest), a_.arena));
    }
    place(current, best);
  }

  void evict(Interval* current, int reg) {
    for (size_t i = 0; i < active_.size(); ++i) {
      Interval* it = active_[i];
      if (it->reg != reg) continue;
      active_.erase(active_.begin() + static_cast<ptrdiff_t>(i--));
      putAway(it, gapAt(current->start()));
    }
    if (!meetsIdle(*current)) return;
    awake_.clear();
    anyIdle(current->end(), [&](Idle& idle) {
      const bool meets =
          idle.interval->reg == reg && firstIntersection(*idle.interval, *current) != kForever;
      if (meets) {
        awake_.push_back(idle);
        idle.interval = nullptr;
      }
      return false;
    });
    sortByNumber(&awake_);
    // In a hole: what comes behind the hole finds itself a new place.
    for (const Idle& each : awake_) {
      Interval* it = each.interval;
      enqueue(splitInterval(it, it->ranges[it->cursor].from, a_.arena));
    }
  }

  // Ends `it` at `gap` or, where that is cheaper, at some place since its last use.
  void putAway(Interval* it, int gap) {
    if (it->start() >= gap) return leaveInSlot(it);
    int earliest = std::max(gapAfter(it->start()), gapAfter(it->lastUse(gap)));
    Interval* behind = splitInterval(it, cheapestCut(std::min(earliest, gap), gap), a_.arena);
    leaveInSlot(behind);
  }

  Allocation& a_;
  Bank bank_;
  RegSet usable_, callee_saved_, used_ = 0;
  uint64_t random_;
  int position_ = 0;
  uint32_t sequence_ = 0;
  std::priority_queue<Entry> unhandled_;
  std::vector<Interval*> active_;
  std::vector<Idle> idle_, awake_;
  std::vector<size_t> walk_;
  uint32_t idle_number_ = 0;
  int free_until_[64] = {};
  size_t fixed_cursor_[64] = {};
};

}  // namespace

void linearScan(Allocation& a) {
  LinearScan(a, Bank::kGp).run();
  LinearScan(a, Bank::kFp).run();
}

}  // namespace tephra::regalloc
