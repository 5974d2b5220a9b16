/** The folder of a run: who may have it, what --force may take away, and where a run may go on. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { sessionStart } from '../../src/agent/run/tensorboard.js'
import { parse, resume, SHORT, sha256, train, undisturbed, withBars } from '../support/training.js'
import { BIN, finished, Workdir } from '../support/workdir.js'

/** Runs side by side do not share a process. */
const ownProcess = (dir: Workdir, ...args: readonly string[]) =>
  dir.jules(['train', ...SHORT, ...args, 'bars.parquet'])

describe('a new folder', () => {
  test('runs that begin in the same second have one each, in a private directory', async () => {
    const dir = await withBars()
    const seeds = ['1', '2', '3']
    const runs = await Promise.all(seeds.map((seed) => ownProcess(dir, '--seed', seed)))
    expect(runs.map(({ status }) => status)).toEqual([0, 0, 0])
    const paths = new Set(runs.map(({ stdout }) => parse(stdout).at(-1).path))
    expect(paths.size).toBe(3)
    for (const path of paths) expect(existsSync(join(path, 'policy.safetensors'))).toBe(true)
    expect(statSync(dir.file('.local/share/jules')).mode & 0o777).toBe(0o700)
    expect(
      parse(dir.read('.local/share/jules/runs.ndjson'))
        .map(({ path }) => path)
        .sort(),
    ).toEqual([...paths].sort())
  })

  test('of runs that are given the same one at the same time, one gets it', async () => {
    const dir = await withBars()
    const runs = await Promise.all(
      ['1', '2', '3'].map((seed) => ownProcess(dir, '--seed', seed, '-o', 'same')),
    )
    const [first, ...others] = runs.map(({ status }) => status).sort()
    expect(first).toBe(0)
    // There is a manifest already, or its writer still has the lock.
    for (const status of others) expect([73, 75]).toContain(status)
    const { stdout } = runs.find(({ status }) => status === 0)!
    expect(sha256(dir.file('same/policy.safetensors'))).toBe(parse(stdout).at(-1).sha256)
  })

  test('is kept to one process, until it ends or dies', async () => {
    const dir = await withBars()
    const hash = await undisturbed(dir)
    const child = dir.start(BIN, ['train', ...SHORT, '-o', 'busy', 'bars.parquet'])
    const ended = finished(child)
    await new Promise<void>((done) => child.stdout?.once('data', () => done()))
    child.kill('SIGSTOP')
    const files = () => dir.read('busy/manifest.json') + readdirSync(dir.file('busy')).sort().join()
    const before = files()
    for (const args of [
      ['train', '--resume', 'busy'],
      ['train', ...SHORT, '--seed', '2', '--force', '-o', 'busy', 'bars.parquet'],
    ]) {
      const { status, stdout, stderr } = await dir.called(args)
      expect([status, stdout, stderr]).toEqual([
        75,
        '',
        `jules train: busy/run.lock: held by process ${child.pid} on ${hostname()}\njules train: hint: run it again when that process is done\n`,
      ])
    }
    expect(files()).toBe(before)
    child.kill('SIGKILL')
    await ended
    expect((await resume(dir, 'busy')).status).toBe(0)
    expect(sha256(dir.file('busy/policy.safetensors'))).toBe(hash)
    expect(readdirSync(dir.file('busy')).filter((name) => name.includes('lock'))).toEqual([])
  })

  test('a lock that was left in a new folder is no run', async () => {
    const dir = await withBars()
    mkdirSync(dir.file('new'))
    dir.write(
      'new/run.lock',
      JSON.stringify({ pid: 4_000_000, host: hostname(), start: '', token: 'a'.repeat(32) }),
    )
    expect((await train(dir, '-o', 'new')).status).toBe(0)
  })

  test('a name is not a path', async () => {
    const dir = await withBars()
    for (const name of ['../../there', '.hidden', '']) {
      const { status, stderr } = await train(dir, '--run', name)
      expect([status, stderr]).toEqual([64, expect.stringContaining('--run: expected a name without "/"')])
    }
    const named = await train(dir, '--run', 'mine')
    expect(parse(named.stdout).at(-1).path).toBe(dir.file('.local/share/jules/runs/mine'))
    expect((await train(dir, '--run', 'mine')).status).toBe(73)
  })

  test('a file in its place is 73, a directory that may not be written 77, and the bars stay', async () => {
    const dir = await withBars()
    const file = await train(dir, '-o', 'bars.parquet')
    expect([file.status, file.stderr]).toEqual([73, 'jules train: bars.parquet: is not a directory\n'])
    const below = await train(dir, '-o', 'bars.parquet/run')
    expect([below.status, below.stderr]).toEqual([73, 'jules train: bars.parquet/run: is not a directory\n'])
    const data = await dir.called(['train', ...SHORT, '-o', 'run', 'bars.parquet'], {
      env: { XDG_DATA_HOME: dir.file('bars.parquet') },
    })
    expect([data.status, data.stderr]).toEqual([
      73,
      `jules train: ${dir.file('bars.parquet')}/jules/runs.ndjson: not a directory\n`,
    ])
    // The superuser may write anywhere.
    if (process.getuid?.() === 0) return
    mkdirSync(dir.file('closed'))
    chmodSync(dir.file('closed'), 0o500)
    const closed = await train(dir, '-o', 'closed/run')
    expect([closed.status, closed.stderr]).toEqual([77, 'jules train: closed/run: permission denied\n'])
  })
})

describe('--force', () => {
  test('takes away the files of a run, and nothing else', async () => {
    const dir = await withBars()
    await undisturbed(dir)
    const others = ['notes.txt', '.keep.tmp', '.notes.txt.0123456789ab.tmp', 'policy.onnx']
    const left = ['.policy.safetensors.0123456789ab.tmp', '.checkpoint-previous.tmp']
    for (const name of [...others, ...left]) writeFileSync(dir.file(`whole/${name}`), name)
    expect((await train(dir, '-o', 'whole', '--force', '--seed', '2')).status).toBe(0)
    for (const name of others) expect(dir.read(`whole/${name}`)).toBe(name)
    for (const name of left) expect(existsSync(dir.file(`whole/${name}`))).toBe(false)
    expect(JSON.parse(dir.read('whole/manifest.json')).options.seed).toBe('2')
  })

  test("refuses a folder whose manifest.json is another program's", async () => {
    const dir = await withBars()
    mkdirSync(dir.file('web'))
    dir.write('web/manifest.json', '{"name":"my app"}')
    const { status, stderr } = await train(dir, '-o', 'web', '--force')
    expect([status, stderr]).toEqual([
      73,
      expect.stringContaining('jules train: web: the folder has files with the names'),
    ])
    expect(dir.read('web/manifest.json')).toBe('{"name":"my app"}')
  })

  test('what cannot be trained leaves the run that is there', async () => {
    const dir = await withBars()
    const hash = await undisturbed(dir)
    expect((await train(dir, '-o', 'whole', '--force', '--hidden', '12')).status).toBe(64)
    expect((await train(dir, '-o', 'whole', '--force', '--gpu')).status).toBe(69)
    expect(sha256(dir.file('whole/policy.safetensors'))).toBe(hash)
  })
})

describe('--resume', () => {
  test('works from another directory, with the folder or the bars moved', async () => {
    const dir = await withBars()
    const hash = await undisturbed(dir)
    mkdirSync(dir.file('elsewhere'))
    const cwd = dir.file('elsewhere')
    expect((await dir.called(['train', '--resume', '../whole'], { cwd })).status).toBe(0)
    renameSync(dir.file('whole'), dir.file('elsewhere/moved'))
    expect((await resume(dir, 'elsewhere/moved')).status).toBe(0)
    renameSync(dir.file('bars.parquet'), dir.file('elsewhere/b.parquet'))
    const lost = await resume(dir, 'elsewhere/moved')
    expect([lost.status, lost.stderr]).toEqual([
      66,
      `jules train: ${dir.file('bars.parquet')}: no such file or directory\njules train: hint: say where the bars are now: jules train --resume elsewhere/moved FILE\n`,
    ])
    // Its weights are gone, not its checkpoint.
    rmSync(dir.file('elsewhere/moved/policy.safetensors'))
    const found = await resume(dir, 'elsewhere/moved', 'elsewhere/b.parquet')
    expect(found.status).toBe(0)
    expect(sha256(dir.file('elsewhere/moved/policy.safetensors'))).toBe(hash)
  })

  test('a run that ended early stays as it is', async () => {
    const dir = await withBars()
    const first = await train(dir, '-o', 'run', '--early-stop', '1', '--eval-every', '512')
    const { early_stop, sha256: hash, steps } = parse(first.stdout).at(-1)
    expect(early_stop).toBe(true)
    expect(steps).toBeLessThan(4096)
    const again = await resume(dir, 'run')
    expect(parse(again.stdout)).toEqual([
      expect.objectContaining({ type: 'model', sha256: hash, early_stop: true, steps }),
    ])
  })

  test('another version, another start or another curriculum is refused, by name', async () => {
    const dir = await withBars()
    await undisturbed(dir)
    dir.write('plan.json', '[{"name":"all","steps":1024}]')
    const more = ['--transfer-from', 'whole/best.safetensors', '--curriculum', 'plan.json']
    const run = await dir.called(['train', ...SHORT.slice(2), '-o', 'run', ...more, 'bars.parquet'])
    expect(run.status).toBe(0)
    expect((await resume(dir, 'run', ...more)).status).toBe(0)
    const { inputs } = JSON.parse(dir.read('run/manifest.json'))
    expect(inputs.map(({ kind, path }: { kind: string; path: string }) => [kind, path])).toEqual([
      ['bars', dir.file('bars.parquet')],
      ['model', dir.file('whole/best.safetensors')],
      ['curriculum', dir.file('plan.json')],
    ])
    dir.write('plan.json', '[{"name":"all","steps":2048}]')
    const plan = await resume(dir, 'run')
    expect([plan.status, plan.stderr]).toEqual([
      65,
      `jules train: ${dir.file('plan.json')}: the curriculum is not the one that the run began with\n`,
    ])
    dir.write('plan.json', '[{"name":"all","steps":1024}]')
    expect((await train(dir, '-o', 'whole', '--force', '--seed', '3')).status).toBe(0)
    const model = await resume(dir, 'run')
    expect([model.status, model.stderr]).toEqual([
      65,
      `jules train: ${dir.file('whole/best.safetensors')}: the model is not the one that the run started from\n`,
    ])
    const manifest = dir.read('whole/manifest.json')
    dir.write('whole/manifest.json', manifest.replace('"version": "jules 0.', '"version": "jules 9.'))
    const version = await resume(dir, 'whole')
    expect([version.status, version.stderr]).toEqual([
      64,
      expect.stringMatching(/^jules train: the run was begun by jules 9\.\S+, and this is jules 0\.\S+\n/),
    ])
    dir.write('whole/manifest.json', '{"format":"jules-run/0"}')
    expect((await resume(dir, 'whole')).stderr).toContain(
      'its format is jules-run/0, and this jules reads jules-run/1',
    )
    for (const damaged of ['null', '{"format":"jules-run/1"}', manifest.slice(0, 300)]) {
      dir.write('whole/manifest.json', damaged)
      const { status, stderr } = await resume(dir, 'whole')
      expect([status, stderr]).toEqual([65, expect.stringContaining('jules train: whole/manifest.json: ')])
    }
    expect((await resume(dir, 'bars.parquet')).status).toBe(66)
  })

  test('a torn line of the metrics is dropped, and each step is there once', async () => {
    const dir = await withBars()
    const args = ['train', ...SHORT, '-o', 'run', 'bars.parquet']
    const child = dir.start(BIN, args)
    const end = finished(child)
    child.stdout?.once('data', () => child.kill('SIGKILL'))
    await end
    const metrics = dir.file('run/metrics.ndjson')
    writeFileSync(metrics, '{"type":"metric","run":"run","st', { flag: 'a' })
    const left = dir.file('run/.policy.safetensors.0123456789ab.tmp')
    writeFileSync(left, 'half')
    const { status, stderr } = await resume(dir, 'run')
    expect([status, existsSync(left)]).toEqual([0, false])
    // TensorBoard forgets what it knew from the next step on, and no more.
    const from = Number(/going on from step (\d+)|$/.exec(stderr)?.[1] ?? 0)
    const events = readdirSync(dir.file('run')).filter((name) => name.startsWith('events.'))
    expect(events).toHaveLength(2)
    const start = Buffer.from(sessionStart(0, from + 1).subarray(12 + 9, -4))
    const holds = events.filter((name) => readFileSync(dir.file(`run/${name}`)).includes(start))
    expect(holds.length).toBe(from === 0 ? 2 : 1)
    expect(parse(readFileSync(metrics, 'utf8')).map(({ step }) => step)).toEqual([
      512, 1024, 1536, 2048, 2560, 3072, 3584, 4096,
    ])
  })
})

describe('signals', () => {
  test('while bars are read: nothing is written', async () => {
    const dir = await withBars()
    const child = dir.start(BIN, ['train', '-v', ...SHORT, '-o', 'run', '-'])
    const end = new Promise<number | null>((done) => child.on('close', done))
    // It says its settings before it waits for bars.
    child.stderr?.once('data', () => child.kill('SIGINT'))
    child.stderr?.resume()
    child.stdout?.resume()
    expect(await end).toBe(130)
    expect(existsSync(dir.file('run'))).toBe(false)
  })

  test('a second one ends it now, and it goes on to the same bytes', async () => {
    const dir = await withBars()
    const hash = await undisturbed(dir)
    const child = dir.start(BIN, ['train', ...SHORT, '-o', 'run', 'bars.parquet'])
    const end = finished(child)
    child.stdout?.once('data', () => {
      child.kill('SIGINT')
      child.kill('SIGTERM')
    })
    expect([130, 143]).toContain((await end).status)
    expect((await resume(dir, 'run')).status).toBe(0)
    expect(sha256(dir.file('run/policy.safetensors'))).toBe(hash)
  })
})

describe('settings', () => {
  test('flag over environment over configuration over default; an unknown key is 78', async () => {
    const dir = await withBars()
    dir.write('c.json', '{"train":{"steps":1024,"net":"16,8","gamma":0.9}}')
    const config = ['--config', 'c.json']
    const args = ['train', ...SHORT.slice(2), 'bars.parquet', ...config]
    const settings = (name: string) => JSON.parse(dir.read(`${name}/manifest.json`)).settings.settings
    expect((await dir.called([...args, '-o', 'a'])).status).toBe(0)
    expect(settings('a')).toMatchObject({ steps: 1024, net: [16, 8], gamma: 0.9 })
    const env = { JULES_STEPS: '5e2', JULES_GAMMA: '0.8' }
    expect((await dir.called([...args, '-o', 'b', '--gamma', '0.7'], { env })).status).toBe(0)
    expect(settings('b')).toMatchObject({ steps: 500, net: [16, 8], gamma: 0.7 })
    // What the run began with holds, whatever the environment says later.
    expect((await dir.called(['train', '--resume', 'b'], { env: { JULES_STEPS: '9999' } })).status).toBe(0)
    dir.write('c.json', '{"train":{"stepz":1024}}')
    const typo = await dir.called([...args, '-o', 'c'])
    expect([typo.status, typo.stderr]).toEqual([
      78,
      'jules train: c.json: unknown key "train.stepz"\njules train: hint: did you mean "train.steps"?\n',
    ])
  })

  test('one environment needs no other option', async () => {
    const dir = new Workdir()
    const args = ['train', '--env', 'recall2', '--envs', '1', '--steps', '128', '-o', 'run']
    const { status, stdout } = await dir.called(args)
    expect([status, parse(stdout).at(-1).steps]).toEqual([0, 128])
  })
})

test('export-model and backtest do not overwrite or pass over the model they read', async () => {
  const dir = await withBars()
  const hash = await undisturbed(dir)
  const same = await dir.called(['export-model', 'whole', '-o', 'whole/best.safetensors'])
  expect([same.status, same.stderr]).toEqual([
    64,
    'jules export-model: whole/best.safetensors: is the input as well as the output\n',
  ])
  expect(sha256(dir.file('whole/policy.safetensors'))).toBe(hash)
  // A best model that is there and cannot be read is no reason to take the last one.
  rmSync(dir.file('whole/best.safetensors'))
  mkdirSync(dir.file('whole/best.safetensors'))
  const unread = await dir.called(['export-model', 'whole', '-o', 'p.onnx'])
  expect([unread.status, unread.stderr]).toEqual([
    66,
    'jules export-model: whole/best.safetensors: is a directory\n',
  ])
  mkdirSync(dir.file('empty'))
  const empty = await dir.called(['export-model', 'empty', '-o', 'p.onnx'])
  expect([empty.status, empty.stderr]).toEqual([
    66,
    'jules export-model: empty: the folder holds no policy\n',
  ])
})

describe('bench', () => {
  test('a width that no engine can hold is said, not a bug', async () => {
    const dir = new Workdir()
    const { status, stdout } = await dir.called(['bench', '--widths', '4096', '--threads', '1'])
    expect(status).toBe(0)
    expect(parse(stdout)[0]).toMatchObject({ available: false, reason: expect.stringContaining('1 GiB') })
    expect(parse(stdout).at(-1)).toMatchObject({ type: 'bench_advice', use: {} })
  })

  test('hears a signal within a measurement', async () => {
    const dir = new Workdir()
    const child = dir.start(BIN, ['bench', '-v', '--widths', '32', '--threads', '1', '--seconds', '60'])
    const end = finished(child)
    child.stderr?.once('data', () => child.kill('SIGINT'))
    const { status, stdout } = await end
    expect([status, stdout]).toEqual([130, ''])
  })
})
