/**
 * run.sh of a task: all that a scheduler needs to know. It is plain POSIX shell around one process, that of `jules train`, and it
 * alone writes status.json, so that local runners, Slurm and a person at a terminal leave the same folder behind.
 */
import { shellWord } from '../base/words.js'
import type { Task } from './task.js'

/** Where a task is run. */
export interface Place {
  /** Absolute folder of the task, for schedulers that start a copy of the script. */
  readonly folder: string
  /** The jules that is run unless the variable JULES names another, and where it is not there the one on the PATH. */
  readonly jules: string
}

/** The text of run.sh. */
export function scriptOf(task: Task, { folder, jules }: Place): string {
  const { id, argv, inputs } = task
  const files = inputs.map(({ path }) => path)
  const bars = inputs.filter(({ option }) => option === undefined)
  const operands = bars.map(({ path, symbol }) => (symbol === undefined ? path : `${symbol}=${path}`))
  return `#!/bin/sh
# Trains task ${id} of a sweep. Any scheduler may start this, from any folder and as often as it likes: it goes on where it was
# stopped, and does nothing once status.json says done. JULES=PATH names another jules; JULES_TRAIN_THREADS=N its threads.
# Exit status: that of jules train; 1 cancelled; 65, 66 inputs that changed or are gone; 74 no status could be written;
# 75 another process works on the task, or a task that it needs has not ended.
id=${id}
jules=${shellWord(jules)}
[ -x "$jules" ] || jules=jules
jules=\${JULES:-$jules}
${HEAD.replace('FOLDER', () => shellWord(folder))}${needsOf(task)}${inputs.length === 0 ? '' : inputsOf(files, inputs)}
if [ -f model/manifest.json ]; then
  begun=yes
  set -- ${words(['train', '--resume', 'model', '--format', 'ndjson', ...operands])}
else
  begun=no
  set -- ${words([...argv, '--run', id, '--output', 'model', '--format', 'ndjson', ...operands])}
fi
${TAIL}`
}

const words = (list: readonly string[]): string => list.map(shellWord).join(' ')

/** What comes before the task's own part: the folder, what is known of the task, and how its status is told. */
const HEAD = `
case $0 in */*) cd -- "\${0%/*}" ;; esac
[ "\${PWD##*/}" = "$id" ] || cd -- FOLDER || exit 66

host=$(uname -n)
now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
tell() { echo "jules sweep: task $id: $*" >&2; echo "jules sweep: $*" >>log; }
# The number of a process is given again one day; when it started tells.
start_of() {
  line=
  { read -r line <"/proc/$1/stat"; } 2>/dev/null
  set -- \${line##*) }
  start=\${20-}
}
score=null sha256=null best_sha256=null ended=null
# STATE EXIT, by rename: a reader sees all of it or nothing.
say() {
  printf '{"id":"%s","state":"%s","exit":%s,"score":%s,"sha256":%s,"best_sha256":%s,"host":"%s","pid":%s,"start":"%s","started":"%s","ended":%s}\\n' \\
    "$id" "$1" "$2" "$score" "$sha256" "$best_sha256" "$host" "$$" "$own" "$started" "$ended" >"status.$$.tmp" &&
    mv -f "status.$$.tmp" status.json && return
  rm -f "status.$$.tmp"
  echo "jules sweep: task $id: status.json cannot be written, it should say $1" >&2
  exit 74
}
# STATE EXIT and the exit status of this script.
end() {
  ended=\\"$(now)\\"
  say "$1" "$2"
  exit "$3"
}

start_of "$$"
own=$start
started=$(now)
line=
{ read -r line <status.json; } 2>/dev/null
case $line in
*'"state":"done"'*) exit 0 ;;
*'"state":"running"'*'"host":"'"$host"'"'*)
  pid=\${line#*'"pid":'} pid=\${pid%%,*} before=\${line#*'"start":"'} before=\${before%%'"'*}
  start_of "$pid"
  if [ "$pid" != "$$" ] && kill -0 "$pid" 2>/dev/null && [ "$start" = "$before" ]; then
    echo "jules sweep: task $id: process $pid works on it" >&2
    exit 75
  fi
  ;;
*'"state":"running"'*)
  if [ -e model/run.lock ]; then
    echo "jules sweep: task $id: another machine works on it, or was lost: jules sweep retry goes on with it then" >&2
    exit 75
  fi
  ;;
esac
[ -e cancel ] && end cancelled 1 1
if ! { true >>records.ndjson && true >>log; } 2>/dev/null; then
  echo "jules sweep: task $id: nothing can be written in $PWD" >&2
  exit 74
fi
`

/** The train process, what it ends with, and the status that this makes. */
const TAIL = `
child= signal= sent=
# A copy of this shell that has not become the program yet would catch the signal in its place, and lose it.
forward() {
  [ -n "$child" ] || return 0
  sent=yes
  sleep 0.2 2>/dev/null || sleep 1
  kill -TERM "$child" 2>/dev/null
}
stopped() {
  [ -e cancel ] && end cancelled "$1" "$1"
  end failed "$1" "$1"
}
trap 'signal=130; forward' INT
trap 'signal=143; forward' TERM HUP
say running null
told=$(wc -l <log)
[ -z "$signal" ] || stopped "$signal"
"$jules" "$@" </dev/null >>records.ndjson 2>>log &
child=$!
[ -z "$signal" ] || [ -n "$sent" ] || forward
# A signal ends the wait before the process has ended: then it is waited for again.
code=
while :; do
  seen=$signal
  wait "$child"
  waited=$?
  [ "$waited" -eq 127 ] && [ -n "$code" ] || code=$waited
  [ "$seen" = "$signal" ] && break
done

# Another process was first: its status is the one that counts.
[ "$code" -eq 73 ] && [ "$begun" = no ] && [ -f model/manifest.json ] && code=75
if [ "$code" -eq 75 ]; then
  line=
  { read -r line <status.json; } 2>/dev/null
  case $line in *'"pid":'"$$,"*) rm -f status.json ;; esac
  echo "jules sweep: task $id: another process works on it, see log" >&2
  exit 75
fi
if [ "$code" -eq 0 ]; then
  record=$(tail -n 1 records.ndjson)
  case $record in
  '{"type":"model"'*)
    sha256=\${record#*'"sha256":"'} sha256=\\"\${sha256%%'"'*}\\"
    case $record in *'"best_sha256":"'*) best_sha256=\${record#*'"best_sha256":"'} best_sha256=\\"\${best_sha256%%'"'*}\\" ;; esac
    case $record in *'"best":{"reward":'*) score=\${record#*'"best":{"reward":'} score=\${score%%,*} ;; esac
    end done 0 0
    ;;
  esac
  tell 'the training ended without the record of its model'
  code=70
fi
# Node ends with 1 too where a program is broken: only a training that says so has diverged, and came to a result.
if [ "$code" -eq 1 ] && ! tail -n "+$((told + 1))" log | grep -q 'diverged at step'; then
  tell 'the training ended with 1, and does not say that it diverged'
  code=70
fi
[ -z "$signal" ] || code=$signal
stopped "$code"
`

/** Waits for the tasks before it, and for successive halving decides whether this one goes on. */
function needsOf({ needs, halving }: Task): string {
  if (needs.length === 0) return ''
  const { after = null, keep = null } = halving ?? {}
  return `
# The tasks that must have ended; one that diverged has${
    after === null
      ? ''
      : `. Of those that are done the ${keep} best in validation go on,
# of equal ones those with the lower id; the others are pruned`
  }.
set --
for need in ${words(needs)}; do set -- "$@" "../$need/status.json"; done
case $(LC_ALL=C awk -v me=${after ?? 'none'} -v keep=${keep ?? needs.length} '
  function field(name) {
    if (!match($0, "\\"" name "\\":\\"?[^\\",}]*")) return ""
    text = substr($0, RSTART, RLENGTH)
    sub(/^"[a-z0-9]*":"?/, "", text)
    return text
  }
  { id = field("id"); state = field("state"); result = field("score") }
  state == "done" { score[id] = result == "null" ? -1e300 : result + 0; next }
  state == "pruned" || state == "failed" && field("exit") == "1" { next }
  { waits = 1 }
  END {
    if (waits) { print "wait"; exit }
    if (me == "none") { print "go"; exit }
    if (!(me in score)) { print "pruned"; exit }
    for (id in score) if (score[id] > score[me] || score[id] == score[me] && (id "") < (me "")) better++
    print better + 0 < keep ? "go" : "pruned"
  }' "$@" 2>/dev/null) in
go) ;;
pruned) end pruned 0 0 ;;
*)
  echo "jules sweep: task $id: a task that it needs has not ended" >&2
  exit 75
  ;;
esac
`
}

/** What is read must be what was planned: a training on other data would be believed. */
function inputsOf(files: readonly string[], inputs: Task['inputs']): string {
  return `
set -- ${words(files)}
for file do
  [ -r "$file" ] && continue
  tell "$file: no such file, or it cannot be read"
  end failed 66 66
done
sum='shasum -a 256'
command -v sha256sum >/dev/null && sum=sha256sum
if [ "$($sum "$@" | sed 's/^\\\\//; s/ .*//')" != '${inputs.map(({ sha256 }) => sha256).join('\n')}' ]; then
  tell 'the inputs are not those that were planned'
  end failed 65 65
fi
`
}
