# Mutex, semaphore, event, and waiting for several.
if HAVE_CHECK
sync_tests = test_mutex test_mutex_deaths
check_PROGRAMS += $(sync_tests)
TESTS += $(sync_tests)

test_mutex_SOURCES = tests/multi/test_mutex.c
test_mutex_CPPFLAGS = $(test_cppflags)
test_mutex_LDADD = $(test_libs)

test_mutex_deaths_SOURCES = tests/multi/test_mutex_deaths.c
test_mutex_deaths_CPPFLAGS = $(test_cppflags)
test_mutex_deaths_LDADD = $(test_libs)
endif
