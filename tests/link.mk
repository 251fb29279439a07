# Links.
if HAVE_CHECK
link_tests = \
	test_link
check_PROGRAMS += $(link_tests)
TESTS += $(link_tests)

test_link_SOURCES = tests/multi/test_link.c
test_link_CPPFLAGS = $(test_cppflags)
test_link_LDADD = $(test_libs)
endif
