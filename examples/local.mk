noinst_PROGRAMS += examples/01_ping_pong
examples_01_ping_pong_SOURCES = examples/01_ping_pong.c
examples_01_ping_pong_CPPFLAGS = -include $(top_builddir)/config.h -I$(top_srcdir)/include
examples_01_ping_pong_LDADD = libmooring.la
