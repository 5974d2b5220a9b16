#!/bin/sh
# The whole evening: what the store lacks is fetched and loaded, and then the day is judged. As it is it runs on generated bars in a
# store of its own. With EVENING_SOURCES=alpaca,polygon it does so for real, in your store and with the keys of your vault; cron starts
# it once bars of the day can be expected, and mails what it says, which on a clean day is nothing:
#   CRON_TZ=America/New_York
#   30 17 * * 1-5 EVENING_SOURCES=alpaca EVENING_PAGE=/srv/www/day.html /opt/jules/examples/06-evening.sh
set -eu
# Where the shell knows it, a fetch that fails is seen past a load that does not.
if (set -o pipefail) 2>/dev/null; then set -o pipefail; fi
jules() { "$(dirname "$0")/../bin/jules" -q "$@"; }

if [ -n "${EVENING_SOURCES-}" ]; then
  set -- --source "$EVENING_SOURCES" --since-store
  day=last-session
else
  . "$(dirname "$0")/own-store"
  set -- --mock --days 8
  day=2025-08-01
fi

fetched=0
jules fetch "$@" | jules load || fetched=$?
case $fetched in
  0) ;;
  1) echo 'no source has all bars: what is missing is told below' >&2 ;;
  75) echo 'a limit of a vendor is in the way: run it again later, it goes on from there' >&2 ;;
  *) echo "fetching ended with $fetched: what is there is judged all the same" >&2 ;;
esac

# Metrics and a page for people are written where they are wanted.
judged=0
found=$(jules eod-validate --date "$day" -f table ${EVENING_PROM:+--prom "$EVENING_PROM"}) || judged=$?
if [ "$judged" -ne 0 ] || [ -z "${EVENING_SOURCES-}" ]; then printf '%s\n' "$found"; fi
if [ -n "${EVENING_PAGE-}" ]; then
  jules eod-validate --date "$day" --no-record -o "$EVENING_PAGE" || [ $? -eq 1 ]
fi
case $judged in
  0) exit "$fetched" ;;
  1) echo 'mend it with the commands that stand beside the findings' >&2 ;;
  75) echo 'another run is at work' >&2 ;;
  *) echo "the day could not be judged: $judged" >&2 ;;
esac
exit "$judged"
