#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The examples of polling and of links that have processes of their own to talk to, end to end.
set -u
work=$(mktemp -d "$PWD/loop-examples.XXXXXX") || exit 99
chmod 700 "$work"
export MOORING_DIR=$work
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
await() {
	local tries=6000
	until "$@" >/dev/null 2>&1; do
		[ $((tries--)) -gt 0 ] || return 1
		sleep 0.01
	done
}
limit() { timeout 120 "$@"; }

# ---- 11_event_loop, where there is libuv ----
if [ -x examples/11_event_loop ]; then
	limit examples/11_event_loop receive loop >"$work/out" &
	limit examples/11_event_loop send loop 2000
	expect "11_event_loop send" 0 $?
	wait $!
	expect "11_event_loop receive" 0 $?
	expect "11_event_loop receives all, and the end" \
		"2000 messages in N polls, beside N ticks of a timer; then MOOR_ECLOSED" \
		"$(sed 's/in [1-9][0-9]* polls, beside [1-9][0-9]* ticks/in N polls, beside N ticks/' "$work/out")"
	limit examples/11_event_loop receive killed >"$work/out" &
	receiver=$!
	examples/11_event_loop send killed 1000000000 &
	sender=$!
	ringing() { [ "$(find "$work" -name '.mooring-bell.*' | wc -l)" = 1 ]; }
	await ringing
	sleep 0.2
	kill -9 $sender
	wait $sender 2>/dev/null
	wait $receiver
	expect "11_event_loop whose sender is killed" 1 $?
	expect "11_event_loop is told of a death" "MOOR_EPEERDEAD" "$(sed 's/.* then //' "$work/out")"
	examples/11_event_loop 2>"$work/out"
	expect "11_event_loop without arguments" "2 1" "$? $(grep -c '^usage: 11_event_loop' "$work/out")"
	expect "11_event_loop leaves no name" 0 "$(find "$work" -name '*mooring*' ! -type d | wc -l)"
else
	echo "skipped: 11_event_loop: libuv is not installed"
fi

# ---- 12_pass_link ----
limit examples/12_pass_link host "$work/socket" 5000 >"$work/out" &
await [ -S "$work/socket" ]
# it is made a moment before anybody listens there
await_worker() { limit examples/12_pass_link worker "$work/socket" >"$work/worker"; }
await await_worker
expect "12_pass_link worker" "answered 5000 questions" "$(cat "$work/worker")"
wait
expect "12_pass_link host" "5000 questions answered by a worker that came through a socket" "$(cat "$work/out")"
expect "12_pass_link leaves no socket" 1 "$(test -e "$work/socket"; echo $?)"
limit examples/12_pass_link worker "$work/nothing" >"$work/out" 2>&1
expect "12_pass_link worker without a host" 1 $?

[ $failures = 0 ]
