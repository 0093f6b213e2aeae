// Purpose: the textual form of attribute values, shared by printer.cc and parser.cc so that both
// directions stay inverse. Invariant: attrFromText(kind, attrText(kind, x)) == x, bit for bit.
#pragma once

#include <string>

#include "hir/ir.h"

namespace tephra::hir {

std::string attrText(AttrKind kind, uint64_t value);
bool attrFromText(AttrKind kind, const std::string& text, uint64_t* out);

}  // namespace tephra::hir
