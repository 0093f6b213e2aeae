# asmjit and fmt as imported static libraries: tephra::asmjit and tephra::fmt.
#
# First choice: the pinned source packages of Debian, built once per compiler into a cache outside every
# build folder (tools/dev/thirdparty.py). Elsewhere: FetchContent of the same versions.

set(TEPHRA_ASMJIT_COMMIT 5b5b0b3)  # 2022-12-10; both back ends are exercised against this one
set(TEPHRA_FMT_VERSION 9.1.0)

set(TEPHRA_ASMJIT_ROOT "" CACHE PATH "A prefix with asmjit ${TEPHRA_ASMJIT_COMMIT} built static and -fPIC")
set(TEPHRA_FMT_ROOT "" CACHE PATH "A prefix with fmt built static and -fPIC")

function(_tephra_find_prefix name out)
  string(TOUPPER ${name} upper)
  set(root "${TEPHRA_${upper}_ROOT}")
  if(NOT root)
    execute_process(
      COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/tools/dev/thirdparty.py ${name}
              --cxx ${CMAKE_CXX_COMPILER}
      OUTPUT_VARIABLE root
      RESULT_VARIABLE failed
      OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(failed)
      set(root "")
    endif()
  endif()
  set(${out} "${root}" PARENT_SCOPE)
endfunction()

function(_tephra_import name prefix file)
  add_library(tephra::${name} STATIC IMPORTED GLOBAL)
  set_target_properties(
    tephra::${name}
    PROPERTIES IMPORTED_LOCATION ${prefix}/lib/${file}
               INTERFACE_INCLUDE_DIRECTORIES ${prefix}/include)
endfunction()

_tephra_find_prefix(fmt _fmt)
if(_fmt)
  _tephra_import(fmt ${_fmt} libfmt.a)
else()
  message(STATUS "fmt ${TEPHRA_FMT_VERSION}: fetching from its repository")
  include(FetchContent)
  FetchContent_Declare(
    fmt
    GIT_REPOSITORY https://github.com/fmtlib/fmt.git
    GIT_TAG ${TEPHRA_FMT_VERSION}
    GIT_SHALLOW TRUE)
  set(FMT_INSTALL OFF)
  FetchContent_MakeAvailable(fmt)
  set_target_properties(fmt PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
  add_library(tephra::fmt ALIAS fmt)
endif()

_tephra_find_prefix(asmjit _asmjit)
if(_asmjit)
  _tephra_import(asmjit ${_asmjit} libasmjit.a)
  set_property(TARGET tephra::asmjit PROPERTY INTERFACE_COMPILE_DEFINITIONS ASMJIT_STATIC)
else()
  message(STATUS "asmjit ${TEPHRA_ASMJIT_COMMIT}: fetching from its repository")
  include(FetchContent)
  set(ASMJIT_STATIC ON CACHE BOOL "" FORCE)
  set(ASMJIT_NO_INSTALL ON CACHE BOOL "" FORCE)
  FetchContent_Declare(
    asmjit
    GIT_REPOSITORY https://github.com/asmjit/asmjit.git
    GIT_TAG ${TEPHRA_ASMJIT_COMMIT})
  FetchContent_MakeAvailable(asmjit)
  set_target_properties(asmjit PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
  add_library(tephra::asmjit ALIAS asmjit)
endif()
