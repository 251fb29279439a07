dist_man_MANS += man/mooring-bench.1 man/mooring.1 man/mooring.7 man/mooring-map.7 \
	man/moor_map.3 man/moor_map_rights.3 man/moor_stream.3 man/moor_view.3 man/moor_view_value.3
dist_man_MANS += man/mooring-sync.7 man/moor_event.3 man/moor_mutex.3 man/moor_sem.3 man/moor_wait.3
dist_man_MANS += man/moor_channel.3 man/moor_link.3 man/moor_name.3 man/moor_ring.3 man/moor_rx_fd.3 man/moor_strerror.3

# Each function that a page of section 3 has in its NAME is found by its own name, too: by a page that leads there.
LINKED_PAGES = awk ' \
	FNR == 1 { page = FILENAME; sub(/.*\//, "", page) } \
	/^\.SH/ { on = $$2 == "NAME"; next } \
	on { \
		end = index($$0, "\\-"); \
		count = split(end ? substr($$0, 1, end - 1) : $$0, names, /[ ,]+/); \
		for (i = 1; i <= count; i++) \
			if (names[i] != "" && names[i] ".3" != page) \
				print names[i] ".3", page; \
		on = !end \
	}' $(srcdir)/man/*.3

install-data-hook:
	$(LINKED_PAGES) | while read -r link page; do \
		to='$(DESTDIR)$(man3dir)'/$$link; \
		rm -f "$$to" && echo ".so man3/$$page" >"$$to" && chmod 644 "$$to" || exit 1; \
	done

uninstall-hook:
	$(LINKED_PAGES) | while read -r link page; do \
		rm -f '$(DESTDIR)$(man3dir)'/$$link; \
	done
