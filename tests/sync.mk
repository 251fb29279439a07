# Mutex, semaphore, event, and waiting for several.
if HAVE_CHECK
sync_tests = test_mutex test_mutex_deaths test_sem_event test_waitset test_sync_crash test_sync_storm test_processes
check_PROGRAMS += $(sync_tests)
TESTS += $(sync_tests)

test_mutex_SOURCES = tests/multi/test_mutex.c
test_mutex_CPPFLAGS = $(test_cppflags)
test_mutex_LDADD = $(test_libs)

test_mutex_deaths_SOURCES = tests/multi/test_mutex_deaths.c
test_mutex_deaths_CPPFLAGS = $(test_cppflags)
test_mutex_deaths_LDADD = $(test_libs)

test_sem_event_SOURCES = tests/multi/test_sem_event.c
test_sem_event_CPPFLAGS = $(test_cppflags)
test_sem_event_LDADD = $(test_libs)

test_waitset_SOURCES = tests/multi/test_waitset.c
test_waitset_CPPFLAGS = $(test_cppflags)
test_waitset_LDADD = $(test_libs)

test_sync_crash_SOURCES = tests/crash/test_sync_crash.c
test_sync_crash_CPPFLAGS = $(test_cppflags)
test_sync_crash_LDADD = $(test_libs)

test_sync_storm_SOURCES = tests/crash/test_sync_storm.c
test_sync_storm_CPPFLAGS = $(test_cppflags)
test_sync_storm_LDADD = $(test_libs)

# It starts the programs of examples/.
test_processes_SOURCES = tests/multi/test_processes.c
test_processes_CPPFLAGS = $(test_cppflags)
test_processes_LDADD = $(test_libs)
endif

# The same programs for the other word size.
if HAVE_CC_OTHER
processes_other = tests/process_a_other tests/process_b_other tests/process_c_other
check_SCRIPTS += $(processes_other)
CLEANFILES += $(processes_other) tests/mooring_other.o
cc_other = $(CC_OTHER) -std=gnu11 -O2 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DMOOR_ATOMIC_C11 \
	-I$(top_srcdir)/include -I$(top_srcdir)/src
tests/mooring_other.o: $(library_sources)
	$(AM_V_CC)$(MKDIR_P) tests
	$(AM_V_at)$(cc_other) -r -o $@ `for f in $(library_sources); do case $$f in *.c) echo $(top_srcdir)/$$f;; esac; done`
tests/process_a_other: examples/process_a.c examples/process.h tests/mooring_other.o
	$(AM_V_CC)$(cc_other) -o $@ $(top_srcdir)/examples/process_a.c tests/mooring_other.o -lpthread
tests/process_b_other: examples/process_b.c examples/process.h tests/mooring_other.o
	$(AM_V_CC)$(cc_other) -o $@ $(top_srcdir)/examples/process_b.c tests/mooring_other.o -lpthread
tests/process_c_other: examples/process_c.c examples/process.h tests/mooring_other.o
	$(AM_V_CC)$(cc_other) -o $@ $(top_srcdir)/examples/process_c.c tests/mooring_other.o -lpthread
endif
