"""pytest plugin: names that the tests of torch 2.6.0 import and that later releases have elsewhere, so that they run there.

What is compared then is stock against JIT on tests of another release. On 2.6.0 itself nothing is changed.
"""

import importlib

_NN = "torch.testing._internal.common_nn"
_JIT = "torch.testing._internal.jit_metaprogramming_utils"
_FLOATS = "torch.testing._internal.common_mkldnn"


def _jit_tests(module):
    """Those of get_all_nn_module_tests() that the module of the others has not."""
    others = importlib.import_module(_NN)
    return module.get_all_nn_module_tests()[len(others.module_tests) + len(others.new_module_tests):]


# Module, the name that its users want -> what it is now, of that module.
_MISSING = {
    (_FLOATS, "bf32_on_and_off"): lambda module: module.reduced_f32_on_and_off,
    ("torch.testing._internal.common_cuda", "tf32_is_not_fp32"): lambda _: importlib.import_module(_FLOATS).tf32_is_not_fp32,
    (_NN, "new_module_tests"): lambda module: module.get_new_module_tests(),
    (_JIT, "additional_module_tests"): _jit_tests,
    ("torch.jit.frontend", "_IS_ASTUNPARSE_INSTALLED"): lambda _: True,  # ast.unparse, since
    ("torch._dynamo.testing", "requiresPy310"): lambda _: lambda function: function,
}


def pytest_configure(config):
    for (name, wanted), now in _MISSING.items():
        module = importlib.import_module(name)
        if not hasattr(module, wanted):
            setattr(module, wanted, now(module))
