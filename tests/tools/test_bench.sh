#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mooring bench: its arguments, and a run that is too short to tell anything but that it works. No figure is looked at.
. "$(dirname "$0")/common.sh"

# refuses WHAT-IT-SAYS OPTION...
refuses() {
	local says=$1 code
	shift
	timeout 60 "$mooring" bench "$@" >"$work/out" 2>&1
	code=$?
	expect "bench $*: exit code" 2 $code
	grep -q -- "$says" "$work/out"
	expect "bench $*: says why" 0 $?
}

refuses 'not a number from 1 to 1000' --repeats 0
refuses 'not a number from 1 to 1000' --repeats x
refuses 'not numbers from 1 to 131072' --sizes 8,,64
refuses 'not numbers from 1 to 131072' --sizes 131073
refuses 'there is no such peer' --only nobody
refuses 'there is no such thing' --things round-trip,speed
refuses 'not a number' --seed -1
refuses 'not a number of messages' --loop 0
refuses 'options only' quick
refuses 'No such file' --csv "$work/none/x.csv"
refuses 'No such file' --pictures "$work/none"
refuses '--help says' --unknown

"$mooring" bench --help >"$work/out"
expect "bench --help" 0 $?
grep -q '^  mooring  ' "$work/out" && grep -q '^usage: mooring bench' "$work/out"
expect "bench --help: names the peers" 0 $?

timeout 300 "$mooring" bench --quick --repeats 1 --sizes 8 --only mooring,pipe,futex --csv "$work/x.csv" >"$work/out" 2>&1
code=$?
expect "a short run" 0 $code
[ $code = 0 ] || cat "$work/out"
expect "CSV: every line has the columns of the first" 0 "$(awk -F, 'NR == 1 { n = NF } NF != n' "$work/x.csv" | wc -l)"
# Without figures there is nothing to say of hyper-threads of one core.
if ! grep -q 'no repeat is left' "$work/out"; then
	for row in round_trip,8,1,mooring round_trip,8,1,pipe stream,8,1,mooring same,8,1,futex open,8,1,mooring \
		loop,8,1,mooring idle,8,1,mooring; do
		expect "CSV: $row" "yes" "$(awk -F, -v row="$row" \
			'$1 "," $2 "," $3 "," $4 == row && $5 == "all" && $7 + 0 >= 0 && $7 != "" { print "yes" }' "$work/x.csv")"
	done
	expect "CSV: the one repeat of a stream is its median" "yes" "$(awk -F, \
		'$1 == "stream" && $4 == "mooring" { v[$5] = $7 } END { if (v["1"] != "" && v["1"] == v["all"]) print "yes" }' \
		"$work/x.csv")"
fi
expect "no name is left" "" "$("$mooring" ls)"

# A peer that cannot: its row says why, and the run goes on to the other.
mkdir "$work/nowhere" && chmod 777 "$work/nowhere"
MOORING_DIR=$work/nowhere timeout 300 "$mooring" bench --quick --repeats 1 --sizes 8 --only mooring,pipe --things stream \
	--csv "$work/y.csv" >"$work/out" 2>&1
expect "mooring fails: exit code" 1 $?
if ! grep -q 'no repeat is left' "$work/out"; then
	grep -q 'stream,8,1,mooring,all,ns,,,.*"moor_.x_open: permission denied' "$work/y.csv"
	expect "mooring fails: its row says why" 0 $?
	grep -q '^stream,8,1,pipe,all,ns,[0-9]' "$work/y.csv"
	expect "mooring fails: the run goes on" 0 $?
fi

timeout 300 "$mooring" bench --loop 1000 --sizes 64 --only mooring >"$work/out"
expect "bench --loop" 0 $?
expect "bench --loop: says what it did" "mooring: 1000 sends and receives of 64 bytes" "$(cat "$work/out")"
finish
