# The fuzzers: with their seeds in every build, and under libFuzzer by `make fuzz`.
fuzz_sources = \
	tests/fuzz/fuzz.c \
	tests/fuzz/fuzz.h \
	tests/fuzz/ring.h \
	tests/fuzz/attach.c \
	tests/fuzz/handshake.c \
	tests/fuzz/link.c \
	tests/fuzz/name.c \
	tests/fuzz/object.c \
	tests/fuzz/reader.c \
	tests/fuzz/stream.c \
	tests/fuzz/tool.c \
	tests/fuzz/tool_main.c \
	tests/fuzz/tool_main.h \
	tests/fuzz/walk.c \
	tests/fuzz/writer.c \
	$(tool_sources)
fuzz_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir) -I$(top_srcdir)/tools -DMOOR_TESTING \
	-DPKGLIBEXECDIR='"$(pkglibexecdir)"'

if HAVE_CHECK
check_PROGRAMS += test_fuzz
TESTS += test_fuzz
test_fuzz_SOURCES = tests/fuzz/test_fuzz.c $(fuzz_sources)
test_fuzz_CPPFLAGS = $(fuzz_cppflags) $(CHECK_CFLAGS)
test_fuzz_LDADD = $(test_libs)
endif

# In a build for it, --with-sanitizer=fuzzer-no-link,address,undefined, which tests/fuzz/run makes.
if FUZZERS
EXTRA_PROGRAMS += tests/fuzz/mooring-fuzz
tests_fuzz_mooring_fuzz_SOURCES = tests/fuzz/entry.c $(fuzz_sources)
tests_fuzz_mooring_fuzz_CPPFLAGS = $(fuzz_cppflags)
tests_fuzz_mooring_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_mooring_fuzz_LDADD = libmooring-test.la
CLEANFILES += tests/fuzz/mooring-fuzz
endif

# By hand: all targets, or those of FUZZ_TARGETS, for FUZZ_SECONDS in all.
EXTRA_DIST += tests/fuzz/run tests/fuzz/corpus
fuzz:
	FUZZ_CC='$(FUZZ_CC)' $(srcdir)/tests/fuzz/run
.PHONY: fuzz
