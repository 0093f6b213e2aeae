// Rows with `lower = call:NAME`: operands, then attributes, by the helper's signature.
#include "lower/context.h"

namespace tephra::lower {

namespace {

Operand attribute(Context& c, const Instr& i, size_t index) {
  const uint64_t bits = i.attr[index];
  switch (i.info().attrs[index].kind) {
    case hir::AttrKind::kObj: return c.object(i, static_cast<ObjRef>(bits));
    case hir::AttrKind::kU32: return c.imm(static_cast<uint32_t>(bits));
    case hir::AttrKind::kI64:
    case hir::AttrKind::kU64:
    case hir::AttrKind::kBool:
    case hir::AttrKind::kCmp:
    case hir::AttrKind::kBinOp:
    case hir::AttrKind::kUnOp:
    case hir::AttrKind::kReason: return c.imm(static_cast<int64_t>(bits));
    case hir::AttrKind::kF64:
    case hir::AttrKind::kType: break;
  }
  c.fail("attribute that no helper takes");
  return c.imm(0);
}

// `index`-th argument of the row: operands first.
Operand rowArgument(Context& c, const Instr& i, size_t index) {
  auto inputs = i.inputs();
  if (index < inputs.size()) return c.use(inputs[index]);
  index -= inputs.size();
  return attribute(c, i, index);
}

}  // namespace

void callHelper(Context& c, const Instr& i, Helper helper) {
  const HelperInfo& info = helperInfo(helper);
  size_t given = i.inputs().size() + i.info().attrs.size(), taken = 0;
  Operands args;
  for (const char* code = info.args; *code; ++code) {
    if (*code == 'T') {
      args.push_back(c.thread());
    } else if (*code == 'F') {
      args.push_back(c.frame());
    } else if (taken < given) {
      args.push_back(rowArgument(c, i, taken++));
    } else {
      return c.fail(std::string("helper ") + info.name + " takes more than " + i.info().name +
                    " gives");
    }
  }
  if (taken != given)
    return c.fail(std::string("helper ") + info.name + " takes less than " + i.info().name +
                  " gives");
  Operand result = c.callChecked(i, info.name, args);
  if (i.info().result.rep != hir::Rep::kNone) c.define(&i, result);
}

void lowerHelperCall(Context& c, const Instr& i) { callHelper(c, i, *i.info().helper); }

void lowerNothing(Context&, const Instr&) {}

}  // namespace tephra::lower
