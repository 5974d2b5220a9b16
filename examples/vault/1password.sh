#!/bin/sh
# Helper for the exec backend: items of category Password in a 1Password vault named by OP_VAULT.
# Any failure of get counts as "no such secret"; its reason is on standard error.
vault=${OP_VAULT:-jules}
case $1 in
  get) op read --no-newline "op://$vault/$2/password" || exit 66 ;;
  # ID, TITLE, ... under a heading.
  list) op item list --vault "$vault" | awk 'NR > 1 { print $2 }' ;;
  set)
    op item get "$2" --vault "$vault" >/dev/null 2>&1 && op item delete "$2" --vault "$vault"
    # The value travels as JSON on standard input, never as an argument.
    node -e '
      const value = require("fs").readFileSync(0, "utf8")
      const field = { id: "password", type: "CONCEALED", purpose: "PASSWORD", label: "password", value }
      console.log(JSON.stringify({ title: process.argv[1], category: "PASSWORD", fields: [field] }))
    ' "$2" | op item create --vault "$vault" - >/dev/null
    ;;
  rm) op item delete "$2" --vault "$vault" || exit 66 ;;
esac
