#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# symbols.sh - what the library exports, what src/libmooring.map lists and what the public headers declare is one set;
# and the ring calls nothing of the system layer by itself.
set -u
top=$(cd "${srcdir:-.}" && pwd) || exit 99
. ./tests/checks/vars || exit 99
LC_ALL=C
export LC_ALL

library=.libs/libmooring.so
if [ ! -f $library ]; then
	echo "skipped: symbols: no shared library was built"
	exit 77
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/mooring-symbols.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

$NM -D --defined-only $library | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort >"$work/exported"
sed -n 's/^[[:blank:]]*\([A-Za-z_][A-Za-z0-9_]*\);.*/\1/p' "$top/src/libmooring.map" | sort >"$work/listed"
declared() {
	# Prototypes begin with MOOR_API; directives and comments are taken out, and lines put together.
	cat "$@" | sed -e ':more' -e '/\\$/{N;s/\\\n//;b more' -e '}' -e '/^[[:blank:]]*#/d' | tr '\n' ' ' | sed 's:/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/: :g' | tr ';{}' '\n\n\n' |
		sed -n 's/.*MOOR_API[[:blank:]][^(]*[^A-Za-z0-9_]\([A-Za-z_][A-Za-z0-9_]*\)[[:blank:]]*(.*/\1/p' | sort
}
declared "$top"/include/mooring.h "$top"/include/mooring/*.h >"$work/declared"

agree() { # one other
	diff "$work/$1" "$work/$2" >"$work/difference"
}
compare() {
	agree "$1" "$2" && return
	echo "symbols: < $1 only, > $2 only:"
	grep '^[<>]' "$work/difference"
	exit 1
}
[ "$(wc -l <"$work/listed")" -gt 20 ] || { echo "symbols: the list was not read"; exit 1; }
compare exported listed
compare declared listed
if grep -v '^moor_[a-z0-9]' "$work/exported" || grep '^moor__' "$work/exported"; then
	echo "symbols: the names above are not of the library's own name space"
	exit 1
fi
[ "$(uniq -d "$work/listed")" = "" ] || { echo "symbols: listed twice: $(uniq -d "$work/listed")"; exit 1; }

objects=$(ls src/ring/.libs/libmooring_la-*.o 2>/dev/null)
[ -n "$objects" ] || { echo "symbols: no objects of the ring"; exit 1; }
system_calls() {
	$NM -u "$@" | grep -E '(^|[[:blank:]])moor__(os|linux)_'
}
if system_calls $objects; then
	echo "symbols: the ring is a pure algorithm; the system is handed in"
	exit 1
fi
outside=$($NM -u $objects | awk '$1 == "U" { print $2 }' | sort -u |
	grep -vE '^(moor_|moor__|mem(cpy|set|move|cmp)$|_GLOBAL_OFFSET_TABLE_$|__stack_chk_fail$|__(asan|ubsan|tsan|sanitizer|sanitize|gcov)_|__mem(cpy|set|move)_chk$|__atomic_)')
if [ -n "$outside" ]; then
	echo "symbols: the ring calls outside: $outside"
	exit 1
fi

# ---- the check itself ----
for set in exported declared; do
	cp "$work/$set" "$work/saved"
	sed 1d "$work/saved" >"$work/$set"
	agree $set listed && { echo "symbols: misses a symbol that $set lacks"; exit 1; }
	{ cat "$work/saved"; echo moor_zzz; } >"$work/$set"
	agree $set listed && { echo "symbols: misses a symbol that only $set has"; exit 1; }
	mv "$work/saved" "$work/$set"
done
printf '#define MOOR_API \\\n moor_zero()\nMOOR_API int\n moor_one(int a,\n int b); /* MOOR_API int moor_not(void); */ MOOR_API const char *moor_two(void);\n' >"$work/planted.h"
[ "$(declared "$work/planted.h" | tr '\n' ' ')" = 'moor_one moor_two ' ] || { echo "symbols: misreads prototypes"; exit 1; }
system_calls $(ls src/map/.libs/libmooring_la-*.o) >/dev/null || { echo "symbols: does not see a system call"; exit 1; }
echo "symbols: $(wc -l <"$work/exported") exported, listed and declared alike; the ring calls no system"
