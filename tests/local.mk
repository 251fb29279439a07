# What the test programs share. Each names its sources, and links with $(test_libs).
check_LTLIBRARIES += libtesting.la
libtesting_la_SOURCES = tests/lib/testing.c tests/lib/testing.h tests/lib/trace.c tests/lib/trace.h
libtesting_la_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir) $(CHECK_CFLAGS) -DMOOR_TESTING
test_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir) $(CHECK_CFLAGS) -DMOOR_TESTING
test_libs = libtesting.la libmooring-test.la $(CHECK_LIBS)

# By hand: random deaths for ten minutes, or MOORING_STORM_SECONDS.
soak: test_channel_storm$(EXEEXT) test_mpsc_storm$(EXEEXT) test_sync_storm$(EXEEXT)
	MOORING_STORM_SECONDS=$${MOORING_STORM_SECONDS-600} ./test_channel_storm$(EXEEXT)
	MOORING_STORM_SECONDS=$${MOORING_STORM_SECONDS-600} ./test_mpsc_storm$(EXEEXT)
	MOORING_STORM_SECONDS=$${MOORING_STORM_SECONDS-600} ./test_sync_storm$(EXEEXT)
.PHONY: soak

# Every test in a 32-bit build, with Check for that processor fetched beside it.
EXTRA_DIST += tests/other-width
check-32:
	$(srcdir)/tests/other-width m32
.PHONY: check-32

include tests/map.mk
include tests/mixed.mk
include tests/sync.mk
include tests/ring.mk
include tests/link.mk
include tests/stream.mk
include tests/checks.mk
include tests/tools.mk
include tests/models.mk
include tests/lab.mk
include tests/fuzz.mk
include tests/hostile.mk
