#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# named.sh - the documents name tests, sources and pages that are there: a promise whose test was renamed is found here.
# Words in capitals (tests/fuzz/corpus/TARGET) and beginnings (man/moor_*) stand for something.
set -u
top=$(cd "${srcdir:-.}" && pwd) || exit 99
failures=0
checked=0

for document in SECURITY HACKING README PACKAGERS doc/abi.md doc/design.md doc/memory-model.md; do
	for path in $(grep -oE '(^|[^A-Za-z0-9_/.-])(tests|src|tools|examples|bench|doc|man|include)/[A-Za-z0-9_./-]+' "$top/$document" |
		sed 's/^[^a-z]//; s/[.]*$//' | grep -v '[A-Z]\|_$' | sort -u); do
		checked=$((checked + 1))
		if [ ! -e "$top/$path" ]; then
			echo "$document names $path, which is not there"
			failures=$((failures + 1))
		fi
	done
done
# What stands in brackets behind a test program of SECURITY are tests of it.
tests=$(find "$top/tests" -name 'test_*.c' -exec cat {} +)
for name in $(tr '\n' ' ' <"$top/SECURITY" | grep -oE 'test_[a-z_]+\.c  *\([A-Za-z0-9_]+(,  *[A-Za-z0-9_]+)*\)' | sed 's/.*(//; s/[,)]/ /g'); do
	checked=$((checked + 1))
	if ! printf '%s' "$tests" | grep -qE "START_TEST\(test_${name}(_[A-Za-z0-9_]*)?\)"; then
		echo "SECURITY names the test $name, which is not there"
		failures=$((failures + 1))
	fi
done
[ "$checked" -gt 30 ] || { echo "only $checked names were found: this check is blind"; failures=1; }
[ "$failures" = 0 ]
