# Streams of values.
if HAVE_CHECK
check_PROGRAMS += test_stream
TESTS += test_stream
test_stream_SOURCES = tests/unit/test_stream.c tests/lib/ring.h
test_stream_CPPFLAGS = $(test_cppflags)
test_stream_LDADD = $(test_libs)
endif
