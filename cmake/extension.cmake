# tephra_add_extension(PYTHON): the extension modules tephra/_tephra and tephra/_boot for one CPython.
#
# Headers and names are asked from the interpreter itself rather than from FindPython, which knows one
# interpreter per build tree and not Debian's split headers in a prefix.

set(_probe [=[
import os, sys, sysconfig
v = sysconfig.get_config_var
include = sysconfig.get_path("include")
multiarch = v("MULTIARCH") or ""
above = os.path.dirname(include)
split = os.path.join(above, multiarch, os.path.basename(include))
after = above if multiarch and above != "/usr/include" and os.path.isdir(split) else ""
free = int(bool(v("Py_GIL_DISABLED")))
print(sys.implementation.name, "%d.%d" % sys.version_info[:2], "%d.%d.%d" % sys.version_info[:3], free,
      v("EXT_SUFFIX"), include, after, int(os.path.exists(os.path.join(include, "Python.h"))), sep=";")
]=])

function(tephra_add_extension python)
  execute_process(
    COMMAND ${python} -c "${_probe}"
    OUTPUT_VARIABLE facts
    RESULT_VARIABLE failed
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(failed)
    message(FATAL_ERROR "Tephra: cannot run ${python}")
  endif()
  list(GET facts 0 implementation)
  list(GET facts 1 version)
  list(GET facts 2 full)
  list(GET facts 3 free_threaded)
  list(GET facts 4 suffix)
  list(GET facts 5 include)
  list(GET facts 6 include_after)
  list(GET facts 7 has_headers)

  if(NOT implementation STREQUAL "cpython")
    message(FATAL_ERROR "Tephra is a JIT for CPython; ${python} is ${implementation}.")
  endif()
  if(NOT version IN_LIST TEPHRA_PYTHON_VERSIONS)
    list(JOIN TEPHRA_PYTHON_VERSIONS " and " supported)
    message(FATAL_ERROR "Tephra supports CPython ${supported}; ${python} is CPython ${full}.")
  endif()
  if(free_threaded)
    message(FATAL_ERROR "Tephra does not support the free-threaded build of CPython (${python}).")
  endif()
  if(NOT has_headers)
    message(FATAL_ERROR "Python.h is not in ${include}: install CPython ${version}'s development files "
                        "(Debian and Ubuntu: python${version}-dev, Fedora: python${version}-devel).")
  endif()

  string(REPLACE "." "_" tag ${version})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${TEPHRA_SRC}/pyver/v${tag}/*.cc
       ${TEPHRA_SRC}/runtime/*.cc ${TEPHRA_SRC}/driver/*.cc)
  file(GLOB contract CONFIGURE_DEPENDS ${TEPHRA_SRC}/pyver/*.cc)
  foreach(variant IN LISTS TEPHRA_VARIANTS_${tag})
    file(GLOB shared CONFIGURE_DEPENDS ${TEPHRA_SRC}/pyver/variants/${variant}/*.cc)
    list(APPEND sources ${shared})
  endforeach()
  list(APPEND sources ${contract} ${TEPHRA_GEN_SOURCES_runtime} ${TEPHRA_GEN_SOURCES_driver})
  file(GLOB driver CONFIGURE_DEPENDS ${TEPHRA_SRC}/driver/*.cc)
  if(NOT driver)
    message(STATUS "src/driver is empty: no extension module for CPython ${full}")
    return()
  endif()

  set(target _tephra_${tag})
  add_library(${target} MODULE ${sources})
  add_dependencies(${target} tephra_gen)
  # The one place that says which version it is: src/pyver/python.h includes this header.
  target_compile_definitions(${target} PRIVATE Py_BUILD_CORE_MODULE=1
                                               "TEPHRA_VERSION_HEADER=\"pyver/v${tag}/version.h\"")
  target_compile_options(${target} PRIVATE ${TEPHRA_CXX_FLAGS})
  target_include_directories(${target} PRIVATE ${TEPHRA_SRC} ${TEPHRA_GEN_DIR})
  target_link_libraries(${target} PRIVATE tephra_core)
  target_link_options(${target} PRIVATE -Wl,--exclude-libs,ALL)
  if(TEPHRA_LTO)
    set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION_RELEASE ON)
  endif()

  # The small module that loads it in time (src/boot). It must cost next to nothing itself: it links the C
  # library only, is mapped in few pieces, and has nothing to initialise.
  set(boot _boot_${tag})
  add_library(${boot} MODULE ${TEPHRA_SRC}/boot/boot.cc)
  target_include_directories(${boot} PRIVATE ${TEPHRA_SRC})
  target_compile_options(${boot} PRIVATE -fno-exceptions -fno-rtti)
  if(NOT TEPHRA_ASAN)
    target_link_options(${boot} PRIVATE -nodefaultlibs -nostartfiles -Wl,-z,noseparate-code)
    target_link_libraries(${boot} PRIVATE c)
  endif()
  add_dependencies(${target} ${boot}) # whoever builds the one needs the other

  foreach(module IN ITEMS ${target} ${boot})
    target_compile_options(${module} PRIVATE ${TEPHRA_CXX_FLAGS})
    target_include_directories(${module} SYSTEM PRIVATE ${include})
    if(include_after)
      # Debian's pyconfig.h includes <triplet/pythonX.Y/pyconfig.h>; a plain -I would put the prefix's C
      # library headers before the compiler's own.
      target_compile_options(${module} PRIVATE "SHELL:-idirafter ${include_after}")
    endif()
    target_link_options(${module} PRIVATE -Wl,-z,now -Wl,--gc-sections ${TEPHRA_LINK_FLAGS})
    string(REPLACE "_${tag}" "" name ${module})
    set_target_properties(
      ${module}
      PROPERTIES PREFIX ""
                 OUTPUT_NAME ${name}
                 SUFFIX ${suffix}
                 LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/py${version}/tephra
                 POSITION_INDEPENDENT_CODE ON)
  endforeach()
  if(SKBUILD)
    install(TARGETS ${target} ${boot} LIBRARY DESTINATION tephra)
  endif()
  message(STATUS "Extension module for CPython ${full}: target ${target}")
endfunction()
