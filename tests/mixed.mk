# Processes of the other word size, if there is a compiler for them: one program, with the library's sources in it.
EXTRA_DIST += tests/multi/mixed_peer.c
if HAVE_CC_OTHER
check_SCRIPTS += tests/mixed_peer_other
CLEANFILES += tests/mixed_peer_other
tests/mixed_peer_other: $(library_sources) tests/multi/mixed_peer.c
	$(AM_V_CC)$(MKDIR_P) tests
	$(AM_V_at)$(CC_OTHER) -std=gnu11 -O2 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DMOOR_ATOMIC_C11 \
		-I$(top_srcdir)/include -I$(top_srcdir)/src -o $@ \
		`for f in $(library_sources) tests/multi/mixed_peer.c; do case $$f in *.c) echo $(top_srcdir)/$$f;; esac; done` \
		-lpthread
endif

if HAVE_CHECK
check_PROGRAMS += test_mixed mixed_peer
TESTS += test_mixed

test_mixed_SOURCES = tests/multi/test_mixed.c
test_mixed_CPPFLAGS = $(test_cppflags)
test_mixed_LDADD = $(test_libs)

mixed_peer_SOURCES = tests/multi/mixed_peer.c
mixed_peer_CPPFLAGS = $(test_cppflags)
mixed_peer_LDADD = libmooring-test.la
endif
