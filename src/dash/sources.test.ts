import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { lockWorldOf } from '../../test/support/lock-world.js'
import { Workdir } from '../../test/support/workdir.js'
import { pulseOf, STALENESS, stateWords, trainingFacts } from './facts.js'
import { type Found, filesAt } from './found.js'
import { Sources } from './sources.js'

/** A folder as `jules train` leaves it, as far as is read here. */
function runFolder(dir: Workdir, name: string, more: Readonly<Record<string, unknown>> = {}): void {
  mkdirSync(dir.file(name), { recursive: true })
  const manifest = {
    ...{ format: 'jules-run/1', run: 'first', version: 'jules 0.1.0', started: '2026-01-01T00:00:00.000Z' },
    ...{ options: {}, operands: [], inputs: [], engine: 'cpu', identity: 'x' },
    settings: { settings: { steps: 30_000 }, curriculum: null },
    ...more,
  }
  dir.write(`${name}/manifest.json`, JSON.stringify(manifest))
  dir.write(`${name}/metrics.ndjson`, '{"type":"metric","run":"first","step":2048}\n')
}

function followed(places: readonly string[], most = 64): Sources {
  const sources = new Sources({ places, registry: null, world: lockWorldOf(1), most })
  onTestFinished(() => sources.close())
  return sources
}

/** What the page says of how far each run is. */
const progress = ({ list }: Sources): string[] =>
  list.map((source) => {
    const facts = new Map(trainingFacts(source, 'ended').map(({ key, text }) => [key, text]))
    return `${source.name}: ${facts.get('step')} of ${facts.get('total')}`
  })

describe('trainings', () => {
  test.each<[settings: unknown, extensions: unknown, total: string]>([
    [{ settings: { steps: 30_000 }, curriculum: null }, undefined, '30,000'],
    [{ settings: { steps: 30_000 } }, [{ steps: 500 }, { steps: 1 }], '30,501'],
    [{ settings: {}, curriculum: [{ values: { steps: 9 } }, { values: { steps: 1 } }] }, undefined, '10'],
    [{ settings: { steps: 5 }, curriculum: [{}] }, undefined, '–'],
    [{ settings: { steps: 'many' } }, undefined, '–'],
    [{ curriculum: [null] }, undefined, '–'],
    [null, undefined, '–'],
    [7, undefined, '–'],
  ])('of settings %j and extensions %j: %s', async (settings, extensions, total) => {
    const dir = new Workdir('jules-dash-')
    runFolder(dir, 'run', { settings, ...(extensions === undefined ? {} : { extensions }) })
    const sources = followed([dir.path])
    await sources.scan()
    await sources.look()
    expect(progress(sources)).toEqual([`first: 2,048 of ${total}`])
  })

  test('one that did all of its steps has ended, though the registry that knows it is elsewhere', async () => {
    const dir = new Workdir('jules-dash-')
    runFolder(dir, 'done', { settings: { settings: { steps: 2000 } } })
    runFolder(dir, 'cut', { settings: { settings: { steps: 2049 } } })
    const sources = followed([dir.path])
    await sources.scan()
    await sources.look()
    await sources.scan()
    const states = sources.list.map(({ options, training }) => `${options.name} ${training!.state}`)
    expect(states.sort()).toEqual(['cut unfinished', 'done ended'])
  })

  test('another run in the folder, and a run that was extended, are read anew', async () => {
    const dir = new Workdir('jules-dash-')
    runFolder(dir, 'run')
    const sources = followed([dir.path])
    await sources.scan()
    runFolder(dir, 'run', { run: 'second', settings: { settings: { steps: 99 } } })
    utimesSync(dir.file('run/manifest.json'), 1, 1)
    await sources.scan()
    expect(sources.list[0]!.training).toMatchObject({ run: 'second', totalSteps: 99 })
    writeFileSync(dir.file('run/manifest.json'), '{')
    await sources.scan()
    expect(sources.list[0]!.training).toBe(null)
    rmSync(dir.file('run'), { recursive: true })
    await sources.scan()
    await sources.look()
    expect(sources.list).toEqual([])
  })
})

test('a journal is cut off as soon as its process was killed or failed, and goes on with the next one', async () => {
  const dir = new Workdir('jules-dash-')
  const lock = (name: string, pid: number, host = 'here') =>
    dir.write(`${name}.lock`, JSON.stringify({ pid, host, start: '', token: '0'.repeat(32) }))
  for (const name of ['lives', 'killed', 'failed', 'copied', 'elsewhere', 'torn'])
    dir.write(`${name}.journal`, '{"n":1,"event":"start"}\n')
  lock('lives.journal', 1)
  lock('killed.journal', 7)
  for (const name of ['lives', 'killed', 'failed', 'elsewhere', 'torn'])
    dir.write(`${name}.journal.heartbeat`, '{}')
  lock('elsewhere.journal', 7, 'there')
  dir.write('torn.journal.lock', '{')
  const world = lockWorldOf(1, { isAlive: ({ pid }) => pid !== 7 })
  const sources = new Sources({ places: [dir.path], registry: null, world })
  onTestFinished(() => sources.close())
  const states = async () => {
    await sources.scan()
    await sources.look()
    return sources.list.map((source) => {
      const pulse = pulseOf(source, Date.now(), STALENESS)
      return `${source.options.name}: ${pulse}, ${stateWords(source, pulse)}`
    })
  }
  const running = ['copied', 'elsewhere', 'lives', 'torn'].map((name) => `${name}.journal: live, running`)
  const cutOff = ['killed', 'failed'].map((name) => `${name}.journal: stale, cut off: its process is gone`)
  expect((await states()).sort()).toEqual([...running, ...cutOff].sort())
  lock('killed.journal', 8)
  expect(await states()).toContain('killed.journal: live, running')
})

test('of a folder: records and journals, runs in folders of their own, and nothing else', async () => {
  const dir = new Workdir('jules-dash-')
  runFolder(dir, 'runs/a')
  runFolder(dir, 'one/two/deep')
  runFolder(dir, 'one/two/three/too-deep')
  for (const name of [
    'r.ndjson',
    'day.journal',
    'day.journal.heartbeat',
    'x.csv',
    '.hidden.ndjson',
    'runs.ndjson',
  ])
    dir.write(name, '')
  symlinkSync(dir.file('r.ndjson'), dir.file('link.ndjson'))
  symlinkSync('/dev/zero', dir.file('zero.ndjson'))
  symlinkSync('loop.ndjson', dir.file('loop.ndjson'))
  symlinkSync(dir.path, dir.file('up'))
  const names = (await filesAt(dir.path)).map(({ name }) => name)
  expect(names.sort()).toEqual(['a', 'day.journal', 'deep', 'link.ndjson', 'r.ndjson'])
})

const FOUND = resolve('dist/dash/found.js')
const asNobody = { uid: 65534, gid: 65534, cwd: '/', encoding: 'utf8' } as const
const mayAsk =
  process.getuid?.() === 0 &&
  spawnSync(process.execPath, ['-e', `require('fs').accessSync('${FOUND}')`], asNobody).status === 0

test.skipIf(!mayAsk)('a folder below that may not be read is followed, so that it is told', () => {
  const dir = new Workdir('jules-dash-')
  for (const name of ['closed', 'open']) {
    mkdirSync(dir.file(name))
    dir.write(`${name}/run.journal`, '')
  }
  chmodSync(dir.path, 0o755)
  chmodSync(dir.file('closed'), 0o700)
  const script = `import('${FOUND}').then(async ({ filesAt }) => console.log(JSON.stringify(await filesAt(process.argv[1]))))`
  const { stdout } = spawnSync(process.execPath, ['-e', script, dir.path], asNobody)
  const found: readonly Found[] = JSON.parse(stdout)
  expect(found.map(({ path }) => path).sort()).toEqual([dir.file('closed'), dir.file('open/run.journal')])
})
