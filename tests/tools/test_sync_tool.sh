#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mooring lock, sem and event, as scripts use them.
. "$(dirname "$0")/common.sh"


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
wait $waiter
expect "a killed holder: the next one runs" 0 $?
expect "a killed holder: the command is told" 1 "$(cat "$work/out")"
expect "a killed holder: and whoever reads" 1 "$(grep -c 'abandoned: its last owner died' "$work/err")"
gone() { ! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$(cat "$work/held")/status"; } # a zombie has ended
await gone
expect "a killed holder: its command is ended" 0 $?
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

# A size that nobody chose is none, for programs as for people.
for command in "lock s" "sem create s" "event create s"; do
	# shellcheck disable=SC2086
	"$mooring" $command -- sh -c '"$mooring" info --json s; "$mooring" ls --json; "$mooring" info s' >"$work/out"
	expect "$command: kind twice, size never" "2 0" "$(grep -c '"kind":' "$work/out") $(grep -c size "$work/out")"
done

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

# ---- options after the action ----
expect "sem create, options after it" "0 0" "$("$mooring" sem create --initial 1 --max 1 s -- sh -c '"$mooring" sem wait --timeout 0 s; echo $?; "$mooring" sem post --count 1 s' | paste -sd' ')"
expect "event create, options after it" "0 0" "$("$mooring" event create --manual ready sh -c '"$mooring" event set ready; for i in 1 2; do "$mooring" event wait --timeout 0 ready; echo $?; done' | paste -sd' ')"
# says PATTERN COMMAND...: a usage error that has it
says() {
	local pattern=$1
	shift
	"$mooring" "$@" </dev/null >"$work/out" 2>"$work/err"
	expect "usage: 'mooring $*': exit code" 2 $?
	expect "usage: 'mooring $*' says $pattern" 1 "$(grep -c -- "$pattern" "$work/err")"
}
says "options come before the name" lock m1 --timeout 2 true
says "--count goes with 'post', not with 'wait'" sem wait --count 2 s
says "--count goes with 'post', not with 'create'" sem --count 2 create s true
says "--timeout goes with 'wait', not with 'post'" sem --timeout 1 post s
says "--initial goes with 'create', not with 'wait'" sem wait --initial 0 s
says "--max goes with 'create', not with 'post'" sem post --max 7 s
says "--timeout goes with 'wait', not with 'set'" event --timeout 0 set e
says "--manual goes with 'create', not with 'wait'" event wait --manual e
says "--set goes with 'create', not with 'reset'" event --set reset e
says "options come before the name" sem wait s --timeout 1
says "options come before the name" event create e --manual true
says "a name was expected, not '-'" lock - true
says "give one, after the name 's'" sem create --initial 1 s
says "'wait' takes a name only, and 'true' comes after it" sem wait s true
says "go with 'create'" sem wait --mode 666 s
says "go with 'create'" event set --any-owner e
for kind in lock "sem create" "event create"; do
	# shellcheck disable=SC2086
	{
		says "one or the other" $kind --mode 600 --acl u::rw,g::-,o::- a true
		says "--mode takes permission bits" $kind --mode 8 a true
		says "--mode 0 would let nobody in" $kind --mode 0 a true
	}
	if "$mooring" lock --acl u::rw,g::-,o::- a true 2>/dev/null; then
		# shellcheck disable=SC2086
		says "'u:root:rw' is no complete access control list.* u::rw,u:" $kind --acl u:root:rw a true
	else
		echo "skipped: $kind --acl: no access control lists"
	fi
done

# ---- what an error advises ----
"$mooring" sem create --max 1 s -- sh -c '"$mooring" sem post --count 2 s' >"$work/out" 2>"$work/err"
expect "sem post beyond --max says what to do" 1 "$(grep -c -- 'the --max .* post fewer' "$work/err")"
"$mooring" sem create s -- "$mooring" sem create s true 2>"$work/err"
expect "sem create of a live one: by what to join" 1 "$(grep -c "'s' is of the kind semaphore, held by process .* mooring sem wait and post" "$work/err")"
expect "info of a mutex: no size" "name kind owner mode held" "$("$mooring" lock m -- "$mooring" info m | sed 's/ .*//' | paste -sd' ')"
"$mooring" lock m -- "$mooring" event wait m 2>"$work/err"
expect "another kind: the command for it" 1 "$(grep -c "'m' is of the kind mutex; .* mooring lock$" "$work/err")"

# ---- another user ----
other="setpriv --reuid=65534 --regid=65534 --clear-groups"
if [ "$(id -u)" != 0 ]; then
	echo "skipped: another user: this is not root"
elif ! MOORING_DIR=/dev/shm $other "$mooring" --version >/dev/null 2>&1; then
	echo "skipped: another user: user 65534 cannot run $mooring"
elif ! shared=$(mktemp -d /dev/shm/mooring-test-XXXXXX) || ! chmod 1777 "$shared"; then
	echo "skipped: another user: no directory for both in /dev/shm"
else
	others+=("$shared")
	export MOORING_DIR=$shared other
	"$mooring" lock --mode 666 'Global\m' -- sh -c '$other "$mooring" lock --timeout 0 "Global\m" true' 2>"$work/err"
	expect "lock of another user's: exit code" 1 $?
	expect "lock of another user's: the cure" 1 "$(grep -c -- 'belongs to user 0 and has the mode 0666, you are user 65534: with --any-owner' "$work/err")"
	"$mooring" lock --mode 666 'Global\m' -- sh -c '$other "$mooring" lock --any-owner --timeout 0 "Global\m" true' 2>"$work/err"
	expect "lock --any-owner: as far as it is held" 4 $?
	# who may not write it may not read it either
	"$mooring" lock --mode 644 'Global\m' -- sh -c '$other "$mooring" lock --any-owner "Global\m" true' 2>"$work/err"
	expect "lock without the right: refused, and no advice to chmod" "1 1 0" \
		"$? $(grep -c MOOR_EACCES "$work/err") $(grep -c chmod "$work/err")"
	"$mooring" sem create --mode 666 'Global\s' -- sh -c '$other "$mooring" sem post "Global\s"' >"$work/out" 2>"$work/err"
	expect "sem post between users" "0 0" "$? $(cat "$work/out")"
	"$mooring" event create --mode 666 'Global\e' -- sh -c '$other "$mooring" event set "Global\e"; "$mooring" event wait "Global\e"' 2>"$work/err"
	expect "event between users" 0 $?
	export MOORING_DIR=$work
fi

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
finish
