/** run.sh around a stand-in for jules, which does what its variables say: no training is needed to see what the shell makes of it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { namespaces } from '../../test/support/sandbox.js'
import { Workdir } from '../../test/support/workdir.js'
import { processTree } from '../base/process-tree.js'
import { type Status, TaskFolder } from './folder.js'
import { planTasks, type Rung, type Task } from './task.js'

const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
const SHELLS = ['dash', 'bash', 'busybox'].filter(has)

/** Blanks, quotes, a dollar, a line feed: what a path may hold. */
const HOSTILE = 'a b\'c"d$(e)\\f\ng'

const HASH = 'ab'.repeat(32)
const BEST = 'cd'.repeat(32)
const RECORD = `{"type":"model","run":"x","path":"model","sha256":"${HASH}","best_sha256":"${BEST}","steps":512,"best":{"reward":-1.5e-7,"step":3}}`

/** Notes its words and threads, makes a manifest, waits for a signal where it is told to, says its record, ends as told. */
const STUB = `#!/bin/sh
for word do printf '%s\\0' "$word"; done >>argv
echo run >>runs
mkdir -p model
if [ -n "$STUB_WAIT" ]; then
  trap 'exit 143' TERM
  echo '{"type":"metric"}'
  while [ ! -e go ]; do sleep 0.02; done
fi
[ -n "$STUB_MANIFEST" ] && echo '{}' >model/manifest.json
[ -n "$STUB_SILENT" ] || echo '${RECORD}'
[ -n "$STUB_WORDS" ] && echo "$STUB_WORDS" >&2
exit "\${STUB_EXIT:-0}"
`

interface Bench {
  readonly dir: Workdir
  readonly folder: TaskFolder
  readonly task: Task
  status(): Status & { readonly id: string }
}

function bench({ name = 'sweep', argv = ['train', '--lr', '0.1'], symbol = '' } = {}): Bench {
  const dir = new Workdir()
  mkdirSync(dir.file(name))
  const bars = join(dir.file(name), 'bars.csv')
  writeFileSync(bars, 'bars')
  const stub = join(dir.file(name), 'jules')
  writeFileSync(stub, STUB)
  chmodSync(stub, 0o755)
  const sha256 = createHash('sha256').update('bars').digest('hex')
  const input = { path: bars, sha256, ...(symbol === '' ? {} : { symbol }) }
  const [task] = planTasks([{ argv, inputs: [input] }], { version: 'jules 1' })
  const folder = new TaskFolder(dir.file(name), task!)
  folder.prepare(stub, () => 'token')
  return {
    dir,
    folder,
    task: task!,
    status: () => JSON.parse(readFileSync(folder.file('status'), 'utf8')),
  }
}

function start({ folder, dir }: Bench, env: Record<string, string> = {}, shell = 'sh'): ChildProcess {
  const words = shell === 'busybox' ? ['sh'] : []
  return spawn(shell, [...words, folder.file('script')], {
    cwd: '/',
    env: dir.environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function run(one: Bench, env: Record<string, string> = {}, shell = 'sh') {
  const child = start(one, env, shell)
  let stderr = ''
  child.stderr!.on('data', (text) => {
    stderr += text
  })
  const [status] = await once(child, 'close')
  return { status, stderr }
}

const argvOf = ({ folder }: Bench): string[] =>
  readFileSync(join(folder.path, 'argv'), 'utf8').split('\0').slice(0, -1)

const waitFor = async (seen: () => boolean): Promise<void> => {
  while (!seen()) await new Promise((done) => setTimeout(done, 5))
}

describe.each(SHELLS)('by %s', (shell) => {
  test('1 is a result where the training says that it diverged, and a fault where a program broke', async () => {
    const one = bench()
    const words = 'jules train: diverged at step 64: the loss is NaN'
    expect((await run(one, { STUB_EXIT: '1', STUB_WORDS: words }, shell)).status).toBe(1)
    expect(one.status()).toMatchObject({ state: 'failed', exit: 1 })
    // What an earlier run said is not said of this one.
    expect((await run(one, { STUB_EXIT: '1', STUB_WORDS: 'Node.js v20.20.2' }, shell)).status).toBe(70)
    expect(one.status()).toMatchObject({ state: 'failed', exit: 70 })
  })

  test('the words reach train as they are, from any folder, and the status says what came of it', async () => {
    const one = bench({ name: HOSTILE, argv: ['train', '--columns', HOSTILE, '--native'], symbol: 'NVDA' })
    const bars = join(one.dir.file(HOSTILE), 'bars.csv')
    expect(await run(one, {}, shell)).toEqual({ status: 0, stderr: '' })
    expect(argvOf(one)).toEqual([
      ...['train', '--columns', HOSTILE, '--native', '--run', one.task.id],
      ...['--output', 'model', '--format', 'ndjson', `NVDA=${bars}`],
    ])
    expect(one.status()).toEqual({
      ...{
        id: one.task.id,
        state: 'done',
        exit: 0,
        score: -1.5e-7,
        sha256: HASH,
        best_sha256: BEST,
        host: hostname(),
      },
      pid: expect.any(Number),
      start: expect.stringMatching(/^\d*$/),
      started: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      ended: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    })
    expect(readdirSync(one.folder.path).filter((name) => name.endsWith('.tmp'))).toEqual([])
    // Again it does nothing.
    expect(await run(one, {}, shell)).toEqual({ status: 0, stderr: '' })
    expect(readFileSync(join(one.folder.path, 'runs'), 'utf8')).toBe('run\n')
  })

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 143],
  ] as const)('%s is passed on, and it ends with %i', async (signal, code) => {
    const one = bench()
    const child = start(one, { STUB_WAIT: 'yes' }, shell)
    await waitFor(
      () => existsSync(one.folder.file('records')) && readFileSync(one.folder.file('records')).length > 0,
    )
    expect(one.status()).toMatchObject({ state: 'running', exit: null, ended: null, pid: child.pid })
    child.kill(signal)
    expect((await once(child, 'close'))[0]).toBe(code)
    expect(one.status()).toMatchObject({ state: 'failed', exit: code, sha256: null, score: null })
  })

  test('two at once: the second leaves the first alone', async () => {
    const one = bench()
    const first = start(one, { STUB_WAIT: 'yes' }, shell)
    await waitFor(
      () => existsSync(one.folder.file('records')) && readFileSync(one.folder.file('records')).length > 0,
    )
    expect(await run(one, {}, shell)).toEqual({
      status: 75,
      stderr: `jules sweep: task ${one.task.id}: process ${first.pid} works on it\n`,
    })
    expect(one.status()).toMatchObject({ state: 'running', pid: first.pid })
    writeFileSync(join(one.folder.path, 'go'), '')
    expect((await once(first, 'close'))[0]).toBe(0)
    expect(one.status()).toMatchObject({ state: 'done', pid: first.pid })
  })
})

test.each([65, 66, 69, 70, 74, 78, 127])('what train ends with, %i, is the status', async (code) => {
  const one = bench()
  expect(await run(one, { STUB_EXIT: String(code), STUB_SILENT: 'yes' })).toEqual({
    status: code,
    stderr: '',
  })
  expect(one.status()).toMatchObject({ state: 'failed', exit: code })
})

test('a train that is killed has failed, and so has one that says nothing of its model', async () => {
  const one = bench()
  const child = start(one, { STUB_WAIT: 'yes' })
  await waitFor(
    () => existsSync(one.folder.file('records')) && readFileSync(one.folder.file('records')).length > 0,
  )
  process.kill(processTree(child.pid!)[1]!, 'SIGKILL')
  expect((await once(child, 'close'))[0]).toBe(137)
  expect(one.status()).toMatchObject({ state: 'failed', exit: 137 })
  const two = bench()
  const { status, stderr } = await run(two, { STUB_SILENT: 'yes' })
  expect([status, stderr]).toEqual([70, expect.stringContaining('without the record of its model')])
})

test('where train was begun it goes on', async () => {
  const one = bench()
  await run(one, { STUB_EXIT: '69', STUB_MANIFEST: 'yes' })
  rmSync(join(one.folder.path, 'argv'))
  expect((await run(one)).status).toBe(0)
  const bars = one.task.inputs[0]!.path
  expect(argvOf(one)).toEqual(['train', '--resume', 'model', '--format', 'ndjson', bars])
})

test('a run that another process began in the same moment is its own: no status is written over', async () => {
  for (const code of ['73', '75']) {
    const one = bench()
    const { status, stderr } = await run(one, { STUB_EXIT: code, STUB_SILENT: 'yes', STUB_MANIFEST: 'yes' })
    expect([status, stderr]).toEqual([75, expect.stringContaining('another process works on it')])
    expect(existsSync(one.folder.file('status'))).toBe(false)
  }
  // 73 without a run is a folder that cannot be made.
  const one = bench()
  expect((await run(one, { STUB_EXIT: '73', STUB_SILENT: 'yes' })).status).toBe(73)
  expect(one.status()).toMatchObject({ state: 'failed', exit: 73 })
})

test('inputs that changed, or are gone, are not trained on', async () => {
  const one = bench({ name: HOSTILE })
  writeFileSync(one.task.inputs[0]!.path, 'others')
  const changed = await run(one)
  expect([changed.status, changed.stderr]).toEqual([
    65,
    expect.stringContaining('not those that were planned'),
  ])
  expect(one.status()).toMatchObject({ state: 'failed', exit: 65 })
  rmSync(one.task.inputs[0]!.path)
  expect((await run(one)).status).toBe(66)
  expect(existsSync(join(one.folder.path, 'runs'))).toBe(false)
  expect(one.folder.lastWords()).toContain('no such file, or it cannot be read')
})

test('cancelled before it starts, or while it runs', async () => {
  const one = bench()
  one.folder.markCancelled()
  expect((await run(one)).status).toBe(1)
  expect(one.status()).toMatchObject({ state: 'cancelled', exit: 1 })
  const two = bench()
  const child = start(two, { STUB_WAIT: 'yes' })
  await waitFor(
    () => existsSync(two.folder.file('records')) && readFileSync(two.folder.file('records')).length > 0,
  )
  two.folder.markCancelled()
  child.kill('SIGTERM')
  await once(child, 'close')
  expect(two.status()).toMatchObject({ state: 'cancelled', exit: 143 })
})

test('a copy of the script finds its folder, and JULES another program', async () => {
  const one = bench({ name: HOSTILE })
  const copy = one.dir.file('slurm_script')
  cpSync(one.folder.file('script'), copy)
  const other = one.dir.file('other')
  writeFileSync(other, `#!/bin/sh\necho '${RECORD}'\n`)
  chmodSync(other, 0o755)
  expect(spawnSync('sh', [copy], { env: one.dir.environment({ JULES: other }) }).status).toBe(0)
  expect(one.status().state).toBe('done')
  expect(existsSync(join(one.folder.path, 'runs'))).toBe(false)
})

test.skipIf(!namespaces)(
  'a full disk: the status that cannot be written is told, and the next start goes on',
  () => {
    const one = bench()
    const script = `
    mkdir full && mount -t tmpfs -o size=64k none full || exit 99
    cp -R 'sweep/${one.task.id}' full/ && cd full/* || exit 98
    head -c 60k /dev/zero >ballast 2>/dev/null; cat /dev/zero >>ballast 2>/dev/null
    STUB_SILENT= sh run.sh; echo "first $?"
    ls | grep tmp
    rm ballast
    sh run.sh; echo "second $?"
    cat status.json`
    const { stdout, stderr } = spawnSync('unshare', ['-Urm', 'bash', '-c', script], {
      cwd: one.dir.path,
      env: one.dir.environment(),
      encoding: 'utf8',
    })
    expect(stdout).toMatch(/^first 74\nsecond 0\n\{"id":"[0-9a-f]{16}","state":"done"/)
    expect(stderr).toMatch(/status.json cannot be written, it should say running|nothing can be written/)
  },
)

describe('successive halving', () => {
  /** A task that follows the first of `scores`, with the tasks before it ended as they say: a score, or a state. */
  async function decided(scores: readonly (number | string)[], keep: number, at = 0) {
    const dir = new Workdir()
    dir.write('jules', STUB)
    chmodSync(dir.file('jules'), 0o755)
    const before = planTasks(
      scores.map((_, n) => ({ argv: ['train', '--seed', String(n)], inputs: [] })),
      { version: 'jules 1' },
    )
    for (const [n, { id }] of before.entries()) {
      const score = scores[n]!
      if (score === 'missing') continue
      mkdirSync(dir.file(id))
      const [state, exit] = typeof score === 'number' || score === 'null' ? ['done', '0'] : score.split(' ')
      dir.write(
        `${id}/status.json`,
        `{"id":"${id}","state":"${state}","exit":${exit},"score":${state === 'done' ? score : null},"sha256":"x"}\n`,
      )
    }
    const halving: Rung = { rung: 1, after: before[at]!.id, keep }
    const [task] = planTasks(
      [{ argv: ['train', '--steps', '9'], inputs: [], needs: before.map(({ id }) => id), halving }],
      { version: 'jules 1' },
    )
    const folder = new TaskFolder(dir.path, task!)
    folder.prepare(dir.file('jules'), () => 'token')
    const { status } = spawnSync('sh', [folder.file('script')], { env: dir.environment() })
    const state = existsSync(folder.file('status')) ? folder.status()?.state : null
    return { status, state, ids: before.map(({ id }) => id) }
  }

  test.each<[scores: (number | string)[], keep: number, state: string]>([
    [[3, 1, 2, 0], 1, 'done'],
    [[2, 1, 3, 0], 1, 'pruned'],
    [[2, 1, 3, 0], 2, 'done'],
    [[-2.5, -1e-7, -3, -1e300], 2, 'done'],
    [[1e-7, 2e-7], 1, 'pruned'],
    [[10, 9], 1, 'done'],
    [['failed 1', 1, 2], 2, 'pruned'],
    [[1, 'failed 1', 'failed 1'], 1, 'done'],
    [['pruned 0', 1], 2, 'pruned'],
    [['null', 1], 1, 'pruned'],
    [['null', 'failed 1'], 1, 'done'],
  ])('of %j the best %i: the first is %s', async (scores, keep, state) => {
    expect(await decided(scores, keep)).toMatchObject({ status: 0, state })
  })

  test('of equal ones the lower ids go on', async () => {
    const verdicts = []
    let ids: string[] = []
    for (let at = 0; at < 5; at++) {
      const { state, ids: all } = await decided([1, 1, 1, 1, 1], 2, at)
      verdicts.push(state)
      ids = all
    }
    const lowest = [...ids].sort().slice(0, 2)
    expect(verdicts).toEqual(ids.map((id) => (lowest.includes(id) ? 'done' : 'pruned')))
  })

  test.each(['missing', 'running null', 'failed 69', 'failed 143', 'cancelled 1'])(
    'it waits while one before it is %s',
    async (state) => {
      expect(await decided([1, state], 1)).toMatchObject({ status: 75, state: null })
    },
  )
})
