# Killed after single instructions, and system calls that fail: a dose here, the whole by `make crash-lab`.
if HAVE_CHECK
check_PROGRAMS += test_lab
TESTS += test_lab

test_lab_SOURCES = tests/crash/test_lab.c tests/lib/ring.h
test_lab_CPPFLAGS = $(test_cppflags)
test_lab_LDADD = $(test_libs)
# No symbol is looked up while it is stepped through.
test_lab_LDFLAGS = $(AM_LDFLAGS) -Wl,-z,now

check_PROGRAMS += test_faults
TESTS += test_faults
test_faults_SOURCES = tests/multi/test_faults.c
test_faults_CPPFLAGS = $(test_cppflags)
test_faults_LDADD = $(test_libs)
test_faults_LDFLAGS = $(AM_LDFLAGS) -Wl,-z,now
endif

crash-lab: test_lab$(EXEEXT)
	MOORING_LAB=all ./test_lab$(EXEEXT)
.PHONY: crash-lab
