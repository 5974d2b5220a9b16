/**
 * The templates of examples/sweep, and shells, make the models that jules sweep run makes. A scheduler that is not installed is
 * skipped by its name; of Slurm, Kubernetes and ssh a stand-in takes what the template hands over, and a stand-in for jules trains
 * nothing: that shows the template right, and nothing of the scheduler.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { counts, planned, standIn, sweep } from '../support/sweep.js'
import { type Json, parse } from '../support/training.js'

const works = (line: string) => spawnSync('sh', ['-c', line], { stdio: 'ignore' }).status === 0
const example = (name: string) => `'${resolve('examples/sweep', name)}'`

const GRID = { seed: [1, 2], lr: 0.02, 'hold-prior': 0, 'eval-every': 64 }
/** A search of which the second rung has one task that goes on. */
const HALVING = ['--halving', '2']

/** Plans are the same in every directory, and so are the models of a local run. */
const local = new Map<string, Record<string, string>>()

async function locally(more: readonly string[]): Promise<Record<string, string>> {
  const key = more.join()
  const known = local.get(key)
  if (known !== undefined) return known
  const dir = await planned(GRID, more)
  expect((await sweep(dir, ['run', 'plan.ndjson', '--executor', 'local:1'])).status).toBe(0)
  const { stdout } = await dir.called(['sweep', 'collect', 'plan.ndjson'])
  const found = models(stdout)
  local.set(key, found)
  return found
}

const models = (collected: string): Record<string, string> =>
  Object.fromEntries(parse(collected).map(({ id, sha256 }: Json) => [id, sha256]))

/** Runs a template, and holds the models against those of a local run. */
async function same(line: string, more: readonly string[] = []): Promise<void> {
  const expected = await locally(more)
  const dir = await planned(GRID, more)
  const { status, stderr } = await dir.shell(`mkdir -p "a b'c"; ${line}`)
  expect([status, stderr]).toEqual([0, expect.not.stringContaining('bug')])
  const collected = await dir.called(['sweep', 'collect', 'plan.ndjson', '--out', "a b'c"])
  expect(models(collected.stdout)).toEqual(expected)
}

/** Runs a template among stand-ins; every task comes to its end. */
async function brought(
  line: string,
  { more = [], programs = {} }: { readonly more?: readonly string[]; readonly programs?: object } = {},
): Promise<string> {
  const dir = await planned(GRID, more)
  mkdirSync(dir.file('bin'))
  for (const [name, text] of Object.entries(programs)) chmodSync(dir.write(`bin/${name}`, text), 0o755)
  const { status, stdout, stderr } = await dir.shell(`PATH="$PWD/bin:$PATH"; mkdir -p "a b'c"; ${line}`, {
    env: standIn(dir),
  })
  expect([status, stderr]).toEqual([0, expect.not.stringContaining('bug')])
  expect(await counts(dir, ['--out', "a b'c"])).toEqual(
    more === HALVING ? { done: 3, pruned: 1 } : { done: 2 },
  )
  return stdout
}

test('xargs, each script twice at once, makes the models of a local run', async () => {
  await same(`
    jules sweep run plan.ndjson --out "a b'c" --prepare -q >/dev/null
    cut -d'"' -f8 plan.ndjson | sed 'p' | xargs -P 4 -I{} sh -c 'sh "a b'"'"'c/$1/run.sh" || [ $? -eq 75 ]' sh {}
    jules sweep run plan.ndjson --out "a b'c" -q >/dev/null`)
})

test.skipIf(!works('parallel --version'))('GNU parallel makes the models of a local run', async () => {
  await same(`sh ${example('gnu-parallel.sh')} plan.ndjson "a b'c" -j 2`, HALVING)
})

test.skipIf(!works('python3 -c "import ray"'))(
  'Ray makes the models of a local run',
  { timeout: 120_000 },
  async () => {
    await same(
      `jules sweep run plan.ndjson --out "a b'c" --prepare -q >/dev/null
    python3 ${example('ray_sweep.py')} plan.ndjson "a b'c"`,
      HALVING,
    )
  },
)

/** Takes what sbatch takes, and runs it at once: the script from a file or standard input, once for each element of an array. */
const SBATCH = `#!/bin/sh
from=1 to=1 script=
for word do
  case $word in
  --array=*) from=\${word#*=} to=\${from#*-} from=\${from%-*} ;;
  --dependency=afterany:42) ;;
  --dependency*) exit 9 ;;
  --*) ;;
  *) script=$word ;;
  esac
done
cp "\${script:-/dev/stdin}" "$HOME/slurm_script"
n=$from
while [ "$n" -le "$to" ]; do
  (cd / && SLURM_ARRAY_TASK_ID=$n SLURM_CPUS_PER_TASK=1 sh "$HOME/slurm_script" >/dev/null 2>&1 </dev/null)
  n=$((n + 1))
done
echo 42
`

describe('Slurm', () => {
  const installed = works('sbatch --version && sinfo')

  test.skipIf(!installed)('itself makes the models of a local run', { timeout: 120_000 }, async () => {
    await same(`sh ${example('slurm-array.sh')} plan.ndjson "a b'c" --wait`, HALVING)
  })

  test('the array of a stand-in brings each task to its end', async () => {
    await brought(`sh ${example('slurm-array.sh')} plan.ndjson "a b'c" --time=1:00:00`, {
      more: HALVING,
      programs: { sbatch: SBATCH },
    })
  })

  test('jobs of a stand-in, one a task, bring it to its end', async () => {
    await brought(`sh ${example('slurm-tasks.sh')} plan.ndjson "a b'c" '--comment=two words' >/dev/null`, {
      programs: { sbatch: SBATCH, squeue: '#!/bin/sh\nexit 0\n', scancel: '#!/bin/sh\n' },
    })
  })
})

test('the job for Kubernetes has a pod for each task, whose command runs it', async () => {
  const stdout = await brought(`
    SHARED=/ PARALLELISM=2 sh ${example('kubernetes.sh')} plan.ndjson "a b'c" example/jules sweep-data | tee job.yaml
    sed -n '/- |$/,/resources:/{/- |$/d;/resources:/d;s/^ *//p;}' job.yaml >command
    export PLAN="$PWD/plan.ndjson" OUT="$PWD/a b'c"
    for JOB_COMPLETION_INDEX in 0 1; do export JOB_COMPLETION_INDEX; sh -c "$(cat command)"; done`)
  expect(stdout).toContain('completionMode: Indexed\n  completions: 2\n  parallelism: 2\n')
  expect(stdout).toMatch(/\{name: OUT, value: ".*\/a b'c"\}/)
  expect(stdout).toContain('claimName: "sweep-data"')
})

test('machines of a stand-in for ssh share the tasks', async () => {
  // As ssh does, the words after the host are one line for a shell there.
  const ssh = '#!/bin/sh\nshift\necho "$1" >>"$HOME/hosts"\nshift\nexec sh -c "$*" </dev/null\n'
  const stdout = await brought(
    `sh ${example('ssh.sh')} plan.ndjson "a b'c" one two && sort -u hosts | tr '\\n' ' '`,
    {
      more: HALVING,
      programs: { ssh },
    },
  )
  expect(stdout).toBe('one two ')
})
