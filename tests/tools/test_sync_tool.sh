#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mooring lock, sem and event, as scripts use them.
set -u
mooring=${mooring:-$PWD/mooring}
work=$(mktemp -d "$PWD/synctool.XXXXXX") || exit 99
chmod 700 "$work"
export MOORING_DIR=$work mooring
exec 2>&1
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT
failures=0

# expect WHAT WANTED GOT
expect() {
	if [ "$2" = "$3" ]; then echo "PASS: $1"; else
		echo "FAIL: $1: expected '$2', got '$3'"
		failures=$((failures + 1))
	fi
}
# await COMMAND...: until it succeeds
await() {
	local tries=3000
	until "$@" >/dev/null 2>&1; do
		[ $((tries--)) -gt 0 ] || return 1
		sleep 0.01
	done
}
lives() { "$mooring" ls | grep -q "^$1 "; }

# ---- lock ----
expect "lock runs a command" hello "$("$mooring" lock a -- echo hello)"
expect "lock without --" hello "$("$mooring" lock a echo hello)"
"$mooring" lock a -- sh -c 'exit 7'
expect "the command's exit code" 7 $?
"$mooring" lock a -- sh -c 'kill -9 $$'
expect "the signal that ended the command" 137 $?
"$mooring" lock a -- /no/such/command 2>"$work/err"
expect "no such command" 127 $?
"$mooring" lock a -- "$work" 2>"$work/err"
expect "not to be executed" 126 $?
expect "not abandoned" 0 "$("$mooring" lock a -- sh -c 'echo $MOORING_ABANDONED' 2>&1)"
expect "no name is left" "" "$("$mooring" ls)"

"$mooring" lock a -- sh -c "echo \$\$ >$work/held; exec sleep 60" &
holder=$!
await test -s "$work/held"
expect "ls shows it" "mutex -" "$("$mooring" ls | awk 'NR == 2 { print $2, $3 }')"
timeout 60 "$mooring" lock --timeout 0.1 a -- true 2>"$work/err"
expect "--timeout: exit code 4" 4 $?
timeout 60 "$mooring" lock --timeout 0 a -- true 2>"$work/err"
expect "--timeout 0: exit code 4" 4 $?
timeout 60 "$mooring" lock a -- sh -c 'echo $MOORING_ABANDONED' >"$work/out" 2>"$work/err" &
waiter=$!
await sh -c "$mooring ls | grep -q ,"
kill -9 $holder
kill "$(cat "$work/held")"
wait $waiter
expect "a killed holder: the next one runs" 0 $?
expect "a killed holder: the command is told" 1 "$(cat "$work/out")"
expect "a killed holder: and whoever reads" 1 "$(grep -c 'abandoned: its last owner died' "$work/err")"
rm "$work/held"

# A signal to end comes to the command, and the mutex is held until that has ended.
"$mooring" lock a -- sh -c "trap 'sleep 0.2; echo last >$work/out; exit 5' TERM; echo held >$work/held; while :; do sleep 0.02; done" &
holder=$!
await test -s "$work/held"
kill $holder
expect "SIGTERM: the next one waits" last "$(timeout 60 "$mooring" lock a -- cat "$work/out")"
wait $holder
expect "SIGTERM: the command's exit code" 5 $?

echo 0 >"$work/counter"
count='for i in 1 2 3 4 5 6 7 8 9 10; do "$mooring" lock c -- sh -c "n=\$(cat $0); echo \$((n + 1)) >$0"; done'
for i in 1 2 3 4; do bash -c "$count" "$work/counter" & pids[i]=$!; done
wait "${pids[@]}"
expect "four scripts count to forty" 40 "$(cat "$work/counter")"

# ---- sem ----
"$mooring" sem wait s 2>"$work/err"
expect "sem: no such name" 1 $?
"$mooring" sem --initial 1 --max 3 create s -- sh -c '
	"$mooring" sem wait s && echo taken
	"$mooring" sem --timeout 0.05 wait s 2>/dev/null; echo $?
	"$mooring" sem post s
	"$mooring" sem --count 2 post s
	"$mooring" sem post s 2>/dev/null; echo $?
	"$mooring" sem wait s; "$mooring" sem post s >/dev/full 2>/dev/null; echo $?
	exit 9' >"$work/out"
expect "sem create: exit code" 9 $?
expect "sem wait and post" "taken 4 0 1 1 1" "$(paste -sd' ' "$work/out")"
"$mooring" lock s -- "$mooring" sem post s 2>"$work/err"
expect "sem: another kind" 1 "$(grep -c MOOR_EKIND "$work/err")"

# ---- event ----
"$mooring" event create e -- sh -c '
	"$mooring" event --timeout 0.05 wait e 2>/dev/null; echo $?
	"$mooring" event set e; "$mooring" event wait e; echo $?
	"$mooring" event --timeout 0 wait e 2>/dev/null; echo $?
	"$mooring" event set e; "$mooring" event reset e; "$mooring" event --timeout 0 wait e 2>/dev/null; echo $?' >"$work/out"
expect "event, auto reset" "4 0 4 4" "$(paste -sd' ' "$work/out")"
"$mooring" event --manual --set create e -- sh -c '"$mooring" event wait e; "$mooring" event wait e; echo $?' >"$work/out"
expect "event, manual reset" 0 "$(cat "$work/out")"
"$mooring" event create e -- sleep 60 &
holder=$!
await lives 'Local\\e'
timeout 60 "$mooring" event wait e &
waiter=$!
await sh -c "$mooring ls | grep -q ,"
"$mooring" event set e
wait $waiter
expect "event: a waiter wakes" 0 $?
kill $holder
wait $holder
expect "event create: the command was ended" 143 $?
expect "no name is left" "" "$("$mooring" ls)"

for bad in "lock" "lock a" "lock a --" "lock -- a" "lock --timeout x a true" "lock --nonsense a true" "sem" "sem take a" \
	"sem wait" "sem wait a b" "sem create a" "sem --count 0 post a" "sem --max 0 create a true" \
	"sem --initial 2 --max 1 create a true" "event" "event post a" "event set" "event set a b" "event create a" \
	"event --timeout x wait a"; do
	# shellcheck disable=SC2086
	"$mooring" $bad </dev/null >/dev/null 2>"$work/err"
	expect "usage: 'mooring $bad' has exit code 2" 2 $?
	expect "usage: 'mooring $bad' says something" 0 "$([ -s "$work/err" ]; echo $?)"
done
for command in lock sem event; do
	"$mooring" $command --help >"$work/out"
	expect "$command --help" 0 $?
	expect "$command --help says how" 1 "$(grep -c "^usage: mooring $command " "$work/out")"
done
[ $failures = 0 ]
