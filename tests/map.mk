# Names, maps and what lies below them.
if HAVE_CHECK
map_tests = test_base test_os test_map test_view test_name test_life test_fork test_backing test_commit test_rights test_trust test_life_crash
check_PROGRAMS += $(map_tests)
TESTS += $(map_tests)

test_base_SOURCES = tests/unit/test_base.c
test_base_CPPFLAGS = $(test_cppflags)
test_base_LDADD = $(test_libs)

test_os_SOURCES = tests/unit/test_os.c
test_os_CPPFLAGS = $(test_cppflags)
test_os_LDADD = $(test_libs)

test_map_SOURCES = tests/unit/test_map.c
test_map_CPPFLAGS = $(test_cppflags)
test_map_LDADD = $(test_libs)

test_view_SOURCES = tests/unit/test_view.c
test_view_CPPFLAGS = $(test_cppflags)
test_view_LDADD = $(test_libs)

test_name_SOURCES = tests/unit/test_name.c
test_name_CPPFLAGS = $(test_cppflags)
test_name_LDADD = $(test_libs)

test_life_SOURCES = tests/multi/test_life.c
test_life_CPPFLAGS = $(test_cppflags)
test_life_LDADD = $(test_libs)

test_fork_SOURCES = tests/multi/test_fork.c
test_fork_CPPFLAGS = $(test_cppflags)
test_fork_LDADD = $(test_libs)

test_backing_SOURCES = tests/multi/test_backing.c
test_backing_CPPFLAGS = $(test_cppflags)
test_backing_LDADD = $(test_libs)

test_rights_SOURCES = tests/multi/test_rights.c
test_rights_CPPFLAGS = $(test_cppflags)
test_rights_LDADD = $(test_libs)

test_commit_SOURCES = tests/multi/test_commit.c
test_commit_CPPFLAGS = $(test_cppflags)
test_commit_LDADD = $(test_libs)

test_life_crash_SOURCES = tests/crash/test_life_crash.c
test_life_crash_CPPFLAGS = $(test_cppflags)
test_life_crash_LDADD = $(test_libs)

test_trust_SOURCES = tests/multi/test_trust.c
test_trust_CPPFLAGS = $(test_cppflags)
test_trust_LDADD = $(test_libs)
endif
