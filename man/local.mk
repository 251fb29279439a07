dist_man_MANS += man/mooring.1 man/mooring.7
