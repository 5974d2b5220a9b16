#!/bin/sh
# Helper for the exec backend: Google Secret Manager, in the project that gcloud is set to.

# Runs the tool. When it fails: 66 if it says that there is no such secret,
# else 69, with its words in either case.
ask() {
  { words=$(gcloud secrets "$@" 2>&1 >&3 3>&-); } 3>&1 && return
  printf '%s\n' "$words" >&2
  case $words in *NOT_FOUND*) exit 66 ;; esac
  exit 69
}

case $1 in
  get) ask versions access latest --secret="$2" ;;
  list)
    names=$(ask list --format='value(name)') || exit
    printf '%s\n' "$names"
    ;;
  set)
    (ask describe "$2" >/dev/null 2>&1 </dev/null)
    case $? in
      0) ask versions add "$2" --data-file=- >/dev/null ;;
      66) ask create "$2" --replication-policy=automatic --data-file=- >/dev/null ;;
      *) ask describe "$2" >/dev/null ;;
    esac
    ;;
  rm) ask delete "$2" --quiet ;;
esac
