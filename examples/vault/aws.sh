#!/bin/sh
# Helper for the exec backend: AWS Secrets Manager, secrets under jules/. Run by jules as "aws.sh get NAME" and so on.
# Any failure of get counts as "no such secret"; its reason is on standard error.

# Prints what a command prints, without the one newline that it adds.
exactly() {
  value=$("$@" && printf x) || exit 66
  value=${value%x}
  printf %s "${value%
}"
}

case $1 in
  get) exactly aws secretsmanager get-secret-value --secret-id "jules/$2" --query SecretString --output text ;;
  list)
    aws secretsmanager list-secrets --filters Key=name,Values=jules/ --query 'SecretList[].Name' --output text |
      tr '\t' '\n' | sed -n 's,^jules/,,p'
    ;;
  set)
    aws secretsmanager describe-secret --secret-id "jules/$2" >/dev/null 2>&1 ||
      aws secretsmanager create-secret --name "jules/$2" >/dev/null || exit 1
    aws secretsmanager put-secret-value --secret-id "jules/$2" --secret-string file:///dev/stdin >/dev/null
    ;;
  rm) aws secretsmanager delete-secret --secret-id "jules/$2" >/dev/null || exit 66 ;;
esac
