# The tool, the examples and README, end to end.
tool_tests = \
	tests/tools/test_tool.sh \
	tests/tools/test_map_tool.sh \
	tests/tools/test_sync_tool.sh \
	tests/tools/test_readme.sh \
	tests/tools/test_examples.sh \
	tests/tools/test_map_examples.sh \
	tests/tools/test_loop_examples.sh \
	tests/tools/test_bench.sh
dist_check_SCRIPTS += $(tool_tests)
TESTS += $(tool_tests)
EXTRA_DIST += tests/tools/common.sh
# A test that runs out of time hangs, on the slowest and busiest machine too, under whatever sanitizer.
AM_TESTS_ENVIRONMENT = CC='$(CC)' CC_OTHER='$(CC_OTHER)' SANITIZER_CFLAGS='$(SANITIZER_CFLAGS)'; \
	CK_TIMEOUT_MULTIPLIER=$${CK_TIMEOUT_MULTIPLIER:-5}; \
	export CC CC_OTHER SANITIZER_CFLAGS CK_TIMEOUT_MULTIPLIER;
