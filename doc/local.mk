EXTRA_DIST += doc/abi.md doc/design.md doc/memory-model.md
EXTRA_DIST += \
	doc/bench/bench.csv \
	doc/bench/latency-percentiles.svg \
	doc/bench/latency-size.svg \
	doc/bench/rate-producers.svg \
	doc/bench/rate-size.svg
