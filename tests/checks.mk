# Checks of the sources and of what was built; plain sh, nothing but the compiler needed.
checks = tests/checks/layers.sh tests/checks/headers.sh tests/checks/symbols.sh tests/checks/named.sh
dist_check_SCRIPTS += $(checks)
TESTS += $(checks)

# What configure found, for the scripts.
check_SCRIPTS += tests/checks/vars
CLEANFILES += tests/checks/vars
tests/checks/vars: Makefile
	@$(MKDIR_P) tests/checks
	@{ echo "CC='$(CC)'"; echo "CXX_CHECK='$(CXX_CHECK)'"; echo "NM='$(NM)'"; } >$@.new
	@mv $@.new $@

# The layout, byte by byte.
EXTRA_DIST += tests/abi/golden
if HAVE_CHECK
check_PROGRAMS += test_golden
TESTS += test_golden
test_golden_SOURCES = tests/abi/test_golden.c
test_golden_CPPFLAGS = $(test_cppflags)
test_golden_LDADD = $(test_libs)
endif
