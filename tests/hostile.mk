# Objects under attack by who may open them.
if HAVE_CHECK
hostile_tests = test_named_flips test_named_lies
check_PROGRAMS += $(hostile_tests)
TESTS += $(hostile_tests)

test_named_flips_SOURCES = tests/hostile/test_named_flips.c
test_named_flips_CPPFLAGS = $(test_cppflags)
test_named_flips_LDADD = $(test_libs)

test_named_lies_SOURCES = tests/hostile/test_named_lies.c tests/lib/ring.h
test_named_lies_CPPFLAGS = $(test_cppflags)
test_named_lies_LDADD = $(test_libs)
endif
