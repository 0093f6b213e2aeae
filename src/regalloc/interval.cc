#include "regalloc/interval.h"

#include <algorithm>

#include "base/check.h"

namespace tephra::regalloc {

bool Interval::covers(int position) const {
  auto it = std::upper_bound(ranges.begin(), ranges.end(), position,
                             [](int p, const Range& range) { return p < range.to; });
  return it != ranges.end() && it->from <= position;
}

namespace {

// The first use at `position` or behind it.
std::span<UsePosition>::iterator firstUse(std::span<UsePosition> uses, int position) {
  return std::lower_bound(uses.begin(), uses.end(), position,
                          [](const UsePosition& use, int p) { return use.position < p; });
}

// From `at` on, the first range that ends behind `position`: in steps that double, then by halves.
size_t endingBehind(std::span<const Range> ranges, size_t at, int position) {
  size_t step = 1;
  while (at + step < ranges.size() && ranges[at + step].to <= position) {
    at += step;
    step *= 2;
  }
  auto found = std::partition_point(
      ranges.begin() + static_cast<ptrdiff_t>(at),
      ranges.begin() + static_cast<ptrdiff_t>(std::min(at + step, ranges.size())),
      [&](const Range& range) { return range.to <= position; });
  return static_cast<size_t>(found - ranges.begin());
}

}  // namespace

int Interval::nextRegisterUse(int from) const {
  for (auto use = firstUse(uses, from); use != uses.end(); ++use) {
    if (use->needs_register) return use->position;
  }
  return kForever;
}

int Interval::nextNearUse(int from) const {
  for (auto use = firstUse(uses, from); use != uses.end(); ++use) {
    if (use->needs_register || use->copied()) return use->position;
  }
  return kForever;
}

int Interval::lastUse(int before) const {
  auto behind = firstUse(uses, before);
  return behind == uses.begin() ? -1 : (behind - 1)->position;
}

int firstIntersection(std::span<const Range> a, std::span<const Range> b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (a[i].to <= b[j].from)
      i = endingBehind(a, i, b[j].from);
    else if (b[j].to <= a[i].from)
      j = endingBehind(b, j, a[i].from);
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
  std::span<Range> all = interval->ranges;
  const size_t first = endingBehind(all, 0, position);
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
  const auto use = static_cast<size_t>(firstUse(interval->uses, position) - interval->uses.begin());
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
