dist_man_MANS += man/mooring-bench.1 man/mooring.1 man/mooring.7 man/mooring-map.7 \
	man/moor_map.3 man/moor_map_rights.3 man/moor_stream.3 man/moor_view.3 man/moor_view_value.3
dist_man_MANS += man/mooring-sync.7 man/moor_event.3 man/moor_mutex.3 man/moor_sem.3 man/moor_wait.3
dist_man_MANS += man/moor_channel.3 man/moor_name.3 man/moor_ring.3 man/moor_strerror.3
