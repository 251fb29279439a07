#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The examples of polling and of links that have processes of their own to talk to, end to end.
. "$(dirname "$0")/common.sh"
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

# ---- plugin_host, where there is zlib; a sanitizer makes system calls of its own, which the sandbox does not allow ----
host=examples/plugin_host
if [ ! -x $host/plugin_host ]; then
	echo "skipped: plugin_host: zlib is not installed"
elif [ -n "${SANITIZER_CFLAGS-}" ]; then
	echo "skipped: plugin_host: a sanitizer is in the plugins"
else
	plugins=($host/plugin_worker $host/.libs/inflate.so $host/.libs/misbehave.so)
	top=$(cd "${srcdir:-.}" && pwd)
	cat "$top"/src/*/*.c "$top"/include/mooring/*.h >"$work/plain"
	gzip -c "$work/plain" >"$work/file.gz"
	limit $host/plugin_host "${plugins[@]}" "$work/file.gz" >"$work/out"
	expect "plugin_host" 0 $?
	for what in 'crash) crashed: signal 11' 'exit) ended: status 7' 'hang) hung: no answer in time' 'flood) flooded' \
		'lie-number) lied: an answer to what was not asked' 'lie-length) lied: a length that is not' \
		'lie-result) lied: a word came back changed' 'overwrite) corrupted the link: MOOR_ECORRUPT' \
		'open) left its sandbox' 'connect) left its sandbox' 'fork) left its sandbox' 'exec) left its sandbox' \
		'memory) left its sandbox'; do
		expect "plugin_host notices: $what" 1 "$(grep -cF "asked to: $what" "$work/out")"
	done
	expect "plugin_host decompresses" 1 \
		"$(grep -c "^the file was decompressed [1-9][0-9]* times, $(wc -c <"$work/plain") bytes each" "$work/out")"
	expect "plugin_host goes on" 1 "$(grep -c '^all was noticed, and the host is well' "$work/out")"
	expect "plugin_host loses none of its honest workers" 0 "$(grep -c '^worker [0-9]* (inflate) [^i]' "$work/out")"
	[ $failures = 0 ] || cat "$work/out"
	# A file that is not what it says: the worker is found out each time, and in the end given up.
	head -c 2000 /dev/urandom >"$work/noise"
	{ head -c 300 "$work/file.gz"; cat "$work/noise"; } >"$work/bad.gz"
	limit $host/plugin_host "${plugins[@]}" "$work/bad.gz" >"$work/out"
	expect "plugin_host with a bad file" 1 $?
	expect "plugin_host says that it is bad" yes "$(grep -q '(inflate) lied: ' "$work/out" && echo yes)"
	$host/plugin_host "${plugins[@]}" "$work/plain" 2>"$work/out"
	expect "plugin_host without a file of gzip" "1 1" "$? $(grep -c 'a file of gzip was expected' "$work/out")"
	limit $host/plugin_host "$work/none" "${plugins[@]:1}" "$work/file.gz" >/dev/null 2>"$work/out"
	expect "plugin_host without a worker" "1 yes" "$? $(grep -q 'cannot be started' "$work/out" && echo yes)"
	$host/plugin_host 2>"$work/out"
	expect "plugin_host without arguments" "2 1" "$? $(grep -c '^usage: plugin_host' "$work/out")"
fi

finish
