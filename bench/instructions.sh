#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# instructions.sh MOORING-BENCH [PEER]... - instructions of one send and one receive, in one thread, in steady state: by
# callgrind, the difference of two runs that differ in their number of messages only. SIZE: bytes a message (64). What the
# harness does with each message (stamp it, check it) is in the first figure; the second is what runs in the library.
set -u
bench=$1
shift
[ $# -gt 0 ] || set -- mooring mooring-in-place mooring-mpsc ck_ring ck_ring-mpsc rte_ring rte_ring-mpsc boost-spsc libqb
command -v valgrind >/dev/null || { echo "instructions.sh: valgrind is not installed (apt-get install valgrind)" >&2; exit 1; }
known=$("$bench" --help) || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/mooring-instructions.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
size=${SIZE:-64}

# Of a callgrind profile: all, and what is of libmooring (a line after calls= is the callee's, and counted there).
# shellcheck disable=SC2016
count='
	/^c?ob=/ { own = $0 ~ /^ob/; sub(/^c?ob=/, ""); id = $1; if (NF > 1) name[id] = $2; if (own) object = name[id]; next }
	/^calls=/ { skip = 1; next }
	/^[-+*0-9]/ { if (!skip) { all += $2; if (object ~ /\/libmooring\.so/) library += $2 } skip = 0 }
	END { printf "%.0f %.0f\n", all, library }'

instructions() { # PEER MESSAGES: of the process that sends and receives, which is the busier of the two
	# So many that it is by far the busier one.
	rm -f "$work"/out.*
	# LIBTOOL is a command with its arguments. It takes a name for the program of that name, if there is one: so it is
	# said twice.
	# shellcheck disable=SC2086
	${LIBTOOL:+$LIBTOOL --mode=execute} valgrind --tool=callgrind --trace-children=yes -q \
		--callgrind-out-file="$work/out.%p" "$bench" --only "$1,$1" --sizes "$size" --loop "$2" >"$work/said" 2>&1 || return
	grep -q "^$1: $2 sends" "$work/said" || return
	for out in "$work"/out.*; do awk "$count" "$out"; done | sort -n | tail -n 1
}

printf 'instructions a send and a receive of %s bytes, in one thread\n' "$size"
status=0
for peer in "$@"; do
	grep -q "^  $peer " <<<"$known" || { printf '  %-18s not here\n' "$peer"; continue; }
	few=$(instructions "$peer" 200000) && many=$(instructions "$peer" 400000) && [ -n "$few" ] && [ -n "$many" ] || {
		printf '  %-18s %s\n' "$peer" "$(grep "^$peer: " "$work/said" | head -n 1 | sed 's/^[^:]*: //')"
		[ -s "$work/said" ] || status=1
		continue
	}
	awk -v peer="$peer" -v few="$few" -v many="$many" 'BEGIN {
		split(few, a); split(many, b)
		printf "  %-18s %6.1f", peer, (b[1] - a[1]) / 200000
		if (b[2] > a[2]) printf "  in the library %6.1f", (b[2] - a[2]) / 200000
		print ""
	}'
done
exit $status
