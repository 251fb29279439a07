# The ring and channels.
if HAVE_CHECK
ring_tests = \
	test_ring \
	test_ring_random \
	test_ring_forged \
	test_ring_threads \
	test_interleaved \
	test_channel \
	test_channel_fork \
	test_mpsc_threads \
	test_channel_mpsc \
	test_poll \
	test_channel_crash \
	test_channel_storm \
	test_mpsc_crash \
	test_mpsc_storm
check_PROGRAMS += $(ring_tests)
TESTS += $(ring_tests)

test_ring_SOURCES = tests/unit/test_ring.c tests/lib/ring.h
test_ring_CPPFLAGS = $(test_cppflags)
test_ring_LDADD = $(test_libs)

test_ring_random_SOURCES = tests/unit/test_ring_random.c tests/lib/ring.h
test_ring_random_CPPFLAGS = $(test_cppflags)
test_ring_random_LDADD = $(test_libs)

test_ring_forged_SOURCES = tests/unit/test_ring_forged.c tests/lib/ring.h
test_ring_forged_CPPFLAGS = $(test_cppflags)
test_ring_forged_LDADD = $(test_libs)

test_ring_threads_SOURCES = tests/multi/test_ring_threads.c tests/lib/ring.h
test_ring_threads_CPPFLAGS = $(test_cppflags)
test_ring_threads_LDADD = $(test_libs)

test_interleaved_SOURCES = tests/unit/test_interleaved.c tests/lib/ring.h
test_interleaved_CPPFLAGS = $(test_cppflags)
test_interleaved_LDADD = $(test_libs)

test_channel_SOURCES = tests/multi/test_channel.c tests/lib/ring.h
test_channel_CPPFLAGS = $(test_cppflags)
test_channel_LDADD = $(test_libs)

test_channel_fork_SOURCES = tests/multi/test_channel_fork.c tests/lib/ring.h
test_channel_fork_CPPFLAGS = $(test_cppflags)
test_channel_fork_LDADD = $(test_libs)

test_mpsc_threads_SOURCES = tests/multi/test_mpsc_threads.c tests/lib/ring.h
test_mpsc_threads_CPPFLAGS = $(test_cppflags)
test_mpsc_threads_LDADD = $(test_libs)

test_channel_mpsc_SOURCES = tests/multi/test_channel_mpsc.c tests/lib/ring.h
test_channel_mpsc_CPPFLAGS = $(test_cppflags)
test_channel_mpsc_LDADD = $(test_libs)

test_poll_SOURCES = tests/multi/test_poll.c tests/lib/ring.h
test_poll_CPPFLAGS = $(test_cppflags)
test_poll_LDADD = $(test_libs)

test_channel_crash_SOURCES = tests/crash/test_channel_crash.c tests/lib/ring.h tests/lib/victim.h
test_channel_crash_CPPFLAGS = $(test_cppflags)
test_channel_crash_LDADD = $(test_libs)

test_channel_storm_SOURCES = tests/crash/test_channel_storm.c tests/lib/ring.h
test_channel_storm_CPPFLAGS = $(test_cppflags)
test_channel_storm_LDADD = $(test_libs)

test_mpsc_crash_SOURCES = tests/crash/test_mpsc_crash.c tests/lib/ring.h tests/lib/victim.h
test_mpsc_crash_CPPFLAGS = $(test_cppflags)
test_mpsc_crash_LDADD = $(test_libs)

test_mpsc_storm_SOURCES = tests/crash/test_mpsc_storm.c tests/lib/ring.h
test_mpsc_storm_CPPFLAGS = $(test_cppflags)
test_mpsc_storm_LDADD = $(test_libs)
endif
