# Before project(): says what is missing where there is no compiler at all; CMake's own words name a variable.

function(_tephra_require_compiler language variable environment candidates packages)
  if(${variable})
    return()
  endif()
  if(NOT "$ENV{${environment}}" STREQUAL "")
    separate_arguments(command UNIX_COMMAND "$ENV{${environment}}")
    list(GET command 0 candidates)
    set(named " (${environment} names ${candidates})")
  endif()
  find_program(TEPHRA_FOUND_${environment} NAMES ${candidates} NO_CACHE)
  if(NOT TEPHRA_FOUND_${environment})
    message(FATAL_ERROR "Tephra needs a ${language} compiler to be installed, and none was found${named}: g++ 12 or "
                        "newer, or clang 15 or newer (${packages}). No other compiler is needed.")
  endif()
endfunction()

_tephra_require_compiler("C++20" CMAKE_CXX_COMPILER CXX "c++;g++;clang++"
                         "Debian and Ubuntu: apt install g++; Fedora: dnf install gcc-c++")
