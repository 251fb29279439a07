bin_PROGRAMS += mooring
mooring_SOURCES = \
	tools/cmd_ls.c \
	tools/cmd_recv.c \
	tools/cmd_send.c \
	tools/main.c \
	tools/tool.c \
	tools/tool.h
mooring_CPPFLAGS = -include $(top_builddir)/config.h -I$(top_srcdir)/include
mooring_LDADD = libmooring.la
