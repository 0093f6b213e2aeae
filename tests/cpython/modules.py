"""Which of CPython's own test modules `./dev test` runs: a third of them, fast ones, from all parts of the language."""

# The language itself; an emulated machine runs only these.
CORE = """test_grammar test_builtin test_dict test_list test_tuple test_set test_int test_float test_str
test_bytes test_exceptions test_scope test_functools test_descr test_call test_extcall
test_keywordonlyarg test_positional_only_arg test_unpack test_with test_patma test_listcomps
test_sys_settrace test_frame test_traceback test_weakref test_gc""".split()

LANGUAGE = """test__opcode test_abc test_abstract_numbers test_augassign test_baseexception test_bdb test_binop test_bool
test_codeop test_compare test_complex test_context test_contextlib test_contextlib_async test_contains test_copy
test_copyreg test_decorators test_defaultdict test_dictcomps test_dictviews test_dynamic test_dynamicclassattribute
test_enumerate test_except_star test_exception_group test_exception_hierarchy test_exception_variations
test_finalization test_flufl test_format test_frozen test_funcattrs test_future_stmt.test_future test_generators
test_generator_stop test_genericalias test_genericclass test_genexps test_global test_hash test_index
test_int_literal test_isinstance test_iter test_iterlen test_keyword test_marshal test_memoryview test_metaclass
test_module test_monitoring test_named_expressions test_numeric_tower test_opcache test_opcodes test_operator
test_ordered_dict test_pow test_print test_property test_raise test_range test_reprlib test_richcmp test_rlcompleter
test_slice test_sort test_string_literals test_structseq test_sundry test_super test_syntax test_sys_setprofile
test_threading_local test_tstring test_type_aliases test_type_annotations test_type_comments test_type_params
test_type_cache test_typechecks test_unary test_unpack_ex test_userdict test_userlist test_weakset test_yield_from""".split()

LIBRARY = """test_binascii test_bisect test_bufio test_codeccallbacks test_colorsys test_filecmp test_fileinput test_fnmatch
test_fractions test_genericpath test_getopt test_graphlib test_hmac test_htmlparser test_http_cookies test_ipaddress
test_linecache test_locale test_memoryio test_minidom test_modulefinder test_ntpath test_optparse test_pickletools
test_pkgutil test_plistlib test_posixpath test_pprint test_pstats test_pulldom test_pyexpat test_quopri test_secrets
test_shlex test_string test_stringprep test_symtable test_textwrap test_timeit test_tracemalloc test_urlparse test_warnings
test_zipapp""".split()

ALL = CORE + LANGUAGE + LIBRARY
RENAMED = {"test_str": "test_unicode"}  # its name before 3.13
