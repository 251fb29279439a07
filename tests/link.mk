# Links.
if HAVE_CHECK
link_tests = \
	test_link \
	test_link_forged \
	test_link_hostile \
	test_link_attach
check_PROGRAMS += $(link_tests)
TESTS += $(link_tests)

test_link_SOURCES = tests/multi/test_link.c
test_link_CPPFLAGS = $(test_cppflags)
test_link_LDADD = $(test_libs)

test_link_forged_SOURCES = tests/hostile/test_link_forged.c tests/hostile/forged.h
test_link_forged_CPPFLAGS = $(test_cppflags)
test_link_forged_LDADD = $(test_libs)

test_link_attach_SOURCES = tests/hostile/test_link_attach.c tests/hostile/forged.h
test_link_attach_CPPFLAGS = $(test_cppflags)
test_link_attach_LDADD = $(test_libs)

test_link_hostile_SOURCES = tests/hostile/test_link_hostile.c tests/hostile/filter.h tests/hostile/forged.h
test_link_hostile_CPPFLAGS = $(test_cppflags)
test_link_hostile_LDADD = $(test_libs)
endif

# By hand: a worker killed at each instruction of attach; bits flipped for a minute, or MOORING_HOSTILE_SECONDS.
hostile: test_link_hostile$(EXEEXT) test_link_forged$(EXEEXT) test_link_attach$(EXEEXT)
	./test_link_forged$(EXEEXT)
	MOORING_LAB=all CK_TIMEOUT_MULTIPLIER=100 ./test_link_attach$(EXEEXT)
	MOORING_HOSTILE_SECONDS=$${MOORING_HOSTILE_SECONDS-60} ./test_link_hostile$(EXEEXT)
.PHONY: hostile
