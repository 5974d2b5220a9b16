#!/bin/sh
# Helper for the exec backend: Google Secret Manager, in the project that gcloud is set to.
# Any failure of get counts as "no such secret"; its reason is on standard error.
case $1 in
  get) gcloud secrets versions access latest --secret="$2" || exit 66 ;;
  list) gcloud secrets list --format='value(name)' ;;
  set)
    gcloud secrets describe "$2" >/dev/null 2>&1 ||
      gcloud secrets create "$2" --replication-policy=automatic >/dev/null || exit 1
    gcloud secrets versions add "$2" --data-file=- >/dev/null
    ;;
  rm) gcloud secrets delete "$2" --quiet || exit 66 ;;
esac
