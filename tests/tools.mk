# The tool, the examples and README, end to end.
dist_check_SCRIPTS += tests/tools/test_tool.sh tests/tools/test_readme.sh tests/tools/test_examples.sh
TESTS += tests/tools/test_tool.sh tests/tools/test_readme.sh tests/tools/test_examples.sh
AM_TESTS_ENVIRONMENT = CC='$(CC)' SANITIZER_CFLAGS='$(SANITIZER_CFLAGS)'; export CC SANITIZER_CFLAGS;
