#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# compare.sh MOORING-BENCH DIRECTORY... [-- OPTION...] - the same benchmark with several builds of libmooring.so, in turn:
# DIRECTORY holds one each (build/.libs), OPTION is for mooring-bench. Prints, of the rounds (ROUNDS, 9), the medians, the
# least and the greatest, and the ratio to the first build's. On a machine that others use too: chrt -f 5 compare.sh ...
set -u
[ $# -ge 2 ] || { sed -n 's/^# \(compare.sh .*\)/\1/p' "$0" >&2; exit 2; }
bench=$1
shift
builds=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	[ -e "$1/libmooring.so" ] || { echo "compare.sh: there is no $1/libmooring.so" >&2; exit 2; }
	builds+=("$(cd "$1" && pwd)")
	shift
done
[ "${1-}" = -- ] && shift
work=$(mktemp -d "${TMPDIR:-/tmp}/mooring-compare.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
# The program itself, since libtool's script would choose the library.
program=$(dirname "$bench")/.libs/$(basename "$bench")
[ -x "$program" ] || program=$bench

for ((round = 1; round <= ${ROUNDS:-9}; round++)); do
	for ((i = 0; i < ${#builds[@]}; i++)); do
		LD_LIBRARY_PATH=${builds[i]} "$program" --quick --repeats 1 --seed "$round" "$@" --csv "$work/$i.$round.csv" \
			>"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
		awk -F, -v i="$i" '$5 == "1" { print $1, $2, $3, $4, i, $7 }' "$work/$i.$round.csv"
	done
done | sort -k1,1 -k2,2n -k3,3n -k4,4 -k5,5n -k6,6g | awk '
	function flush() {
		if (!n) return
		median = (value[int((n + 1) / 2)] + value[int(n / 2) + 1]) / 2
		if (row != last) { printf "%s%s\n", last == "" ? "" : "\n", row; first = median; last = row }
		printf "  %d  %10.2f  %10.2f  %10.2f  %6.3f\n", build, median, value[1], value[n], median / first
		n = 0
	}
	{
		key = $1 ", " $2 " bytes, " ($3 > 1 ? $3 " producers, " : "") $4
		if (key != row || $5 != build) flush()
		row = key; build = $5; value[++n] = $6
	}
	END { flush() }'
exit "${PIPESTATUS[0]}"
