# Generated sources: each table kind becomes headers (and sources) below ${TEPHRA_GEN_DIR}.
#
# (A kind with a generator of its own, tools/gen_KIND.py, is run through that, with the same options.)
#
# tephra_generate_tables() runs, for every `kind=table files` of TEPHRA_TABLES that exists,
#   tools/gen_ops.py --table KIND --out GEN          at build time, when the table or a generator changed
#   tools/gen_ops.py --table KIND --out GEN --list   at configure time, to learn the outputs
# It sets TEPHRA_GEN_HEADERS and, per source folder, TEPHRA_GEN_SOURCES_<folder>.

function(tephra_generate_tables)
  set(headers)
  set(outputs_all)
  file(GLOB generators CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tools/gen_*.py
       ${CMAKE_CURRENT_SOURCE_DIR}/tools/gen/*.py)
  # The list of outputs may change with the generator or a table: configure again then.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${generators})
  foreach(entry IN LISTS TEPHRA_TABLES)
    string(REPLACE "=" ";" pair ${entry})
    list(GET pair 0 kind)
    list(GET pair 1 table)
    # Globbed so that a table which appears later is noticed by the next build.
    string(REPLACE "," ";" tables ${table})
    list(TRANSFORM tables PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
    file(GLOB tables CONFIGURE_DEPENDS ${tables})
    set(generator ${CMAKE_CURRENT_SOURCE_DIR}/tools/gen_${kind}.py)
    if(NOT EXISTS ${generator})
      set(generator ${CMAKE_CURRENT_SOURCE_DIR}/tools/gen_ops.py)
    endif()
    if(NOT tables OR NOT EXISTS ${generator})
      continue()
    endif()
    execute_process(
      COMMAND ${Python_EXECUTABLE} ${generator} --table ${kind} --out ${TEPHRA_GEN_DIR} --list
      OUTPUT_VARIABLE listed
      RESULT_VARIABLE failed
      OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(failed)
      message(WARNING "${generator} --table ${kind} --list failed: ${table} is left out")
      continue()
    endif()
    string(REPLACE "\n" ";" listed "${listed}")
    set(outputs)
    foreach(output IN LISTS listed)
      if(NOT IS_ABSOLUTE "${output}")
        set(output ${TEPHRA_GEN_DIR}/${output})
      endif()
      list(APPEND outputs ${output})
      if(output MATCHES "\\.cc$")
        file(RELATIVE_PATH relative ${TEPHRA_GEN_DIR} ${output})
        string(REGEX REPLACE "/.*" "" folder ${relative})
        set(TEPHRA_GEN_SOURCES_${folder} ${TEPHRA_GEN_SOURCES_${folder}} ${output})
        set(TEPHRA_GEN_SOURCES_${folder} ${TEPHRA_GEN_SOURCES_${folder}} PARENT_SCOPE)
      else()
        list(APPEND headers ${output})
      endif()
    endforeach()
    add_custom_command(
      OUTPUT ${outputs}
      COMMAND ${Python_EXECUTABLE} ${generator} --table ${kind} --out ${TEPHRA_GEN_DIR}
      DEPENDS ${tables} ${generators}
      COMMENT "Generating from ${table}"
      VERBATIM)
    list(APPEND outputs_all ${outputs})
  endforeach()
  add_custom_target(tephra_gen DEPENDS ${outputs_all})
  set(TEPHRA_GEN_HEADERS ${headers} PARENT_SCOPE)
endfunction()
