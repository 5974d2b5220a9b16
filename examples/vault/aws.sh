#!/bin/sh
# Helper for the exec backend: AWS Secrets Manager, secrets under jules/. Run by jules as "aws.sh get NAME" and so on.

# Runs the tool. When it fails: 66 if it says that there is no such secret,
# else 69, with its words in either case.
ask() {
  { words=$(aws secretsmanager "$@" 2>&1 >&3 3>&-); } 3>&1 && return
  printf '%s\n' "$words" >&2
  case $words in *ResourceNotFoundException*) exit 66 ;; esac
  exit 69
}

case $1 in
  get)
    # Without the one newline that the tool adds.
    value=$(ask get-secret-value --secret-id "jules/$2" --query SecretString --output text && printf x) || exit
    value=${value%x}
    printf %s "${value%
}"
    ;;
  list)
    names=$(ask list-secrets --filters Key=name,Values=jules/ --query 'SecretList[].Name' --output text) || exit
    printf '%s\n' "$names" | tr '\t' '\n' | sed -n 's,^jules/,,p'
    ;;
  set)
    (ask describe-secret --secret-id "jules/$2" >/dev/null 2>&1 </dev/null)
    case $? in
      0) ask put-secret-value --secret-id "jules/$2" --secret-string file:///dev/stdin >/dev/null ;;
      66) ask create-secret --name "jules/$2" --secret-string file:///dev/stdin >/dev/null ;;
      *) ask describe-secret --secret-id "jules/$2" >/dev/null ;;
    esac
    ;;
  rm) ask delete-secret --secret-id "jules/$2" >/dev/null ;;
esac
