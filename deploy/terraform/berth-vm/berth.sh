#!/bin/sh
# What the module's provisioners run. `berth.sh PUT` makes what URL names, or changes it to BODY; `berth.sh DELETE`
# releases it. The key is part of URL, so a request is safe to repeat: this one is, while Berth cannot be reached,
# breaks off, or asks to come again (503, as long as its Retry-After says). A refusal ends it, with what Berth says.
# Needs curl 7.76 or later.
set -eu
method=$1
: "${URL:?the module sets it}"
: "${BERTH_TOKEN:?export it in the shell in which Terraform runs}"

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
trap 'exit 1' HUP INT TERM

# The token and the body go through standard input, so that they do not show in the list of processes.
request() {
  set -- --silent --show-error --fail-with-body --output "$answer" --request "$method" --max-time 60 \
    --retry 8 --retry-connrefused --retry-max-time 180 --config /dev/fd/3
  [ -z "${BODY:-}" ] || set -- "$@" --header 'Content-Type: application/json' --data-binary @-
  printf '%s' "${BODY:-}" | curl "$@" "$URL" 3<<END
header = "Authorization: Bearer $BERTH_TOKEN"
END
}

tries=0
while :; do
  status=0
  request || status=$?
  case $status in
    0) exit 0 ;;
    18 | 28 | 52 | 55 | 56) ;; # it broke off, or took too long: what became of it the next answer says
    *) break ;;
  esac
  tries=$((tries + 1))
  [ "$tries" -lt 8 ] || break
  sleep "$tries"
done
cat "$answer" >&2 # Berth says what is wrong and what to do
exit "$status"
