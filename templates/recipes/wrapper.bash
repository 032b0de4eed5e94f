#!/usr/bin/env bash
# Runs the command it is given: wrapper.bash /path/to/job --its-option
# Tells when it starts, how it ends and the end of what it printed; ends with the job's own exit status.
set -u
[ $# -gt 0 ] || { echo "usage: $0 command [argument ...]" >&2; exit 2; }
url='{{ url }}'
# Runs that overlap are told apart by this.
rid=$(cat /proc/sys/kernel/random/uuid 2> /dev/null || uuidgen)
# A ping that cannot be sent does not fail the job.
ping() { {{ upload }} "$url/$1?rid=$rid" || true; }

output=$(mktemp) || exit
job='' again=yes
finish() {
    status=$?
    cat "$output"
    tail -c 100000 "$output" | ping "$status"
    rm -f "$output"
    exit "$status"
}
stop() {
    [ -n "$job" ] || exit 143
    again=yes
    kill -TERM "$job"
}
trap finish EXIT
trap stop TERM INT HUP

ping start < /dev/null
# In the background, so that a signal is passed on at once and not after the job's end.
"$@" > "$output" 2>&1 <&0 &
job=$!
while [ -n "$again" ]; do
    again=''
    wait "$job"
    status=$?
done
exit "$status"
