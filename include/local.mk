include_HEADERS = include/mooring.h
mooringincludedir = $(includedir)/mooring
mooringinclude_HEADERS = \
	include/mooring/abi.h \
	include/mooring/base.h \
	include/mooring/channel.h \
	include/mooring/link.h \
	include/mooring/map.h \
	include/mooring/name.h \
	include/mooring/ring.h \
	include/mooring/stream.h \
	include/mooring/sync.h
