#include "regalloc/interval.h"

#include <algorithm>

#include "base/check.h"

namespace tephra::regalloc {

bool Interval::covers(int position) const {
  auto it = std::upper_bound(ranges.begin(), ranges.end(), position,
                             [](int p, const Range& range) { return p < range.to; });
  return it != ranges.end() && it->from <= position;
}

int Interval::nextRegisterUse(int from) const {
  for (const UsePosition& use : uses) {
    if (use.position >= from && use.needs_register) return use.position;
  }
  return kForever;
}

int Interval::nextNearUse(int from) const {
  for (const UsePosition& use : uses) {
    if (use.position >= from && (use.needs_register || use.copied())) return use.position;
  }
  return kForever;
}

int Interval::lastUse(int before) const {
  int last = -1;
  for (const UsePosition& use : uses) {
    if (use.position >= before) break;
    last = use.position;
  }
  return last;
}

int firstIntersection(std::span<const Range> a, std::span<const Range> b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (a[i].to <= b[j].from)
      ++i;
    else if (b[j].to <= a[i].from)
      ++j;
    else
      return std::max(a[i].from, b[j].from);
  }
  return kForever;
}

int firstIntersection(const Interval& a, const Interval& b) {
  return firstIntersection(a.ranges.subspan(std::min<size_t>(a.cursor, a.ranges.size())), b.ranges);
}

Interval* splitInterval(Interval* interval, int position, Arena& arena) {
  TEPHRA_CHECK(interval->start() < position && position < interval->end(),
               "a cut inside the interval");
  Interval* behind = arena.make<Interval>();
  behind->vreg = interval->vreg;
  behind->bank = interval->bank;
  behind->next = interval->next;
  interval->next = behind;
  size_t first = 0;  // first range that ends behind the cut
  while (interval->ranges[first].to <= position) ++first;
  std::span<Range> all = interval->ranges;
  behind->ranges = all.subspan(first);
  if (all[first].from < position) {
    // The cut range belongs to both: the front gets its own copy.
    std::span<Range> front = arena.array<Range>(first + 1);
    std::copy_n(all.begin(), first + 1, front.begin());
    front[first].to = position;
    interval->ranges = front;
    behind->ranges[0].from = position;
  } else {
    interval->ranges = all.subspan(0, first);
  }
  size_t use = 0;
  while (use < interval->uses.size() && interval->uses[use].position < position) ++use;
  behind->uses = interval->uses.subspan(use);
  interval->uses = interval->uses.subspan(0, use);
  return behind;
}

Interval* pieceAt(Interval* first, int position) {
  for (Interval* piece = first; piece; piece = piece->next) {
    if (position < piece->start()) return nullptr;
    if (position < piece->end()) return piece->covers(position) ? piece : nullptr;
  }
  return nullptr;
}

}  // namespace tephra::regalloc
