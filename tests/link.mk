# Links.
if HAVE_CHECK
link_tests = \
	test_link \
	test_link_forged
check_PROGRAMS += $(link_tests)
TESTS += $(link_tests)

test_link_SOURCES = tests/multi/test_link.c
test_link_CPPFLAGS = $(test_cppflags)
test_link_LDADD = $(test_libs)

test_link_forged_SOURCES = tests/hostile/test_link_forged.c tests/hostile/forged.h
test_link_forged_CPPFLAGS = $(test_cppflags)
test_link_forged_LDADD = $(test_libs)
endif
