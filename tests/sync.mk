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
