/** `backtest --keep` and `jules replay`: what was kept is made again, and what changed is told. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Workdir } from '../support/workdir.js'

const MOCK = ['fetch', '--mock', '--days', '8']
const TINY = ['--hidden', '8', '--envs', '4', '--n-steps', '64', '--batch-size', '128', '--epochs', '1']

async function kept(...args: string[]): Promise<Workdir> {
  const dir = new Workdir()
  await dir.called([...MOCK, '-o', 'bars.ndjson'])
  const { status, stderr } = await dir.called(['backtest', '--keep', 'run', ...args, 'bars.ndjson'])
  expect([status, stderr]).toEqual([0, ''])
  return dir
}

const crossing = (...args: string[]) => kept('--policy', 'sma-cross', ...args)

const manifestOf = (dir: Workdir, run = 'run') => JSON.parse(dir.read(`${run}/manifest.json`))

/** Writes over a part of a file. */
function changed(path: string, from: string, to: string): void {
  const text = readFileSync(path, 'utf8')
  expect(text).toContain(from)
  writeFileSync(path, text.replace(from, to))
}

const recordsIn = (stdout: string) =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

describe('a backtest', () => {
  test('is kept whole, whatever is printed, and made again from anywhere', async () => {
    const dir = await crossing('--capital', '9000', '--records', 'summary')
    const { ledger_sha256, run, inputs, operands } = manifestOf(dir)
    expect([operands, inputs[0].path]).toEqual([[dir.file('bars.ndjson')], dir.file('bars.ndjson')])
    // Another name, the same ledger; and the records are those that are printed.
    const args = ['--policy', 'sma-cross', '--capital', '9000', 'bars.ndjson']
    const { stdout } = await dir.called(['backtest', ...args])
    expect(dir.read('run/records.ndjson')).toBe(stdout)
    const named = await dir.called(['backtest', ...args, '--run', 'other', '--records', 'summary'])
    expect(JSON.parse(named.stdout)).toMatchObject({ run: 'other', ledger_sha256 })
    mkdirSync(dir.file('elsewhere'))
    const env = { JULES_CAPITAL: '1000', JULES_POLICY: 'random', JULES_HALF_SPREAD_BPS: '9' }
    const again = await dir.called(['replay', '../run'], { cwd: dir.file('elsewhere'), env })
    expect([again.status, again.stderr]).toEqual([0, ''])
    expect(JSON.parse(again.stdout)).toEqual({
      type: 'replay',
      run,
      kind: 'backtest',
      what: 'ledger',
      same: true,
      expected: ledger_sha256,
      found: ledger_sha256,
      version: 'jules 0.1.0',
      detail: null,
    })
    const table = await dir.called(['replay', 'run', '-f', 'table'])
    expect(table.stdout).toBe(`same     ${run}: ledger, sha256 ${ledger_sha256}\n`)
  })

  test('whose settings or records were changed is not the same, from the first line on', async () => {
    const dir = await crossing()
    const before = dir.read('run/manifest.json')
    changed(dir.file('run/manifest.json'), '"policy": "sma-cross"', '"policy": "buy-hold"')
    const other = await dir.called(['replay', 'run'])
    const [record] = recordsIn(other.stdout)
    expect([other.status, record.same, record.expected]).toEqual([1, false, manifestOf(dir).ledger_sha256])
    expect(record.found).not.toBe(record.expected)
    expect(record.detail.line).toBe(1)
    expect([record.detail.expected, record.detail.found].map((line) => JSON.parse(line).type)).toEqual([
      'equity',
      'order',
    ])
    dir.write('run/manifest.json', before)
    const [, second] = dir.read('run/records.ndjson').split('\n')
    changed(dir.file('run/records.ndjson'), second!, second!.replace('"cash":5000', '"cash":5001'))
    const told = await dir.called(['replay', 'run', '-f', 'table'])
    expect(told.status).toBe(1)
    expect(told.stdout).toContain('all the same\n  line 2, as kept: {"type":"equity"')
    changed(dir.file('run/records.ndjson'), '"cash":5001', '"cash":5000')
    changed(dir.file('run/records.ndjson'), '"command":"backtest"', '"command":"paper"')
    const better = await dir.called(['replay', 'run'])
    const { detail, ledger_sha256: _, ...same } = JSON.parse(better.stdout)
    expect([better.status, same.same, same.expected]).toEqual([1, false, same.found])
    expect(JSON.parse(detail.expected)).toMatchObject({ type: 'summary', command: 'paper' })
    // The hash alone is left, and it is the same.
    rmSync(dir.file('run/records.ndjson'))
    expect((await dir.called(['replay', 'run'])).status).toBe(0)
  })

  test('on other bars is refused with both hashes; moved ones are the same', async () => {
    const dir = await crossing()
    const [{ sha256 }] = manifestOf(dir).inputs
    renameSync(dir.file('bars.ndjson'), dir.file('moved.ndjson'))
    const gone = await dir.called(['replay', 'run'])
    expect([gone.status, gone.stderr]).toEqual([
      66,
      `jules replay: ${dir.file('bars.ndjson')}: no such file or directory\njules replay: hint: say where the bars are now: jules replay run FILE\n`,
    ])
    expect((await dir.called(['replay', 'run', 'moved.ndjson'])).status).toBe(0)
    changed(dir.file('moved.ndjson'), '"volume":', '"volume":1')
    const other = await dir.called(['--json', 'replay', 'run', 'moved.ndjson'])
    expect([other.status, other.stdout]).toEqual([65, ''])
    const { message, where, expected, found } = JSON.parse(other.stderr)
    expect([where, expected]).toEqual([dir.file('moved.ndjson'), sha256])
    expect(message).toBe(`the bars have sha256 ${found}, and had ${sha256}`)
  })

  test('of standard input is given its bars again', async () => {
    const dir = new Workdir()
    const { stdout: input } = await dir.called(MOCK)
    await dir.called(['backtest', '--policy', 'buy-hold', '--keep', 'run', '-'], { input })
    const { status, stderr } = await dir.called(['replay', 'run'])
    expect([status, stderr]).toEqual([
      66,
      'jules replay: run: the run read its bars from standard input\njules replay: hint: give it the same bars again: jules replay run -\n',
    ])
    expect((await dir.called(['replay', 'run', '-'], { input })).status).toBe(0)
  })

  test('of replayed actions, and of another jules', async () => {
    const dir = new Workdir()
    await dir.called([...MOCK, '-o', 'bars.ndjson'])
    dir.write('actions', `[${Array.from({ length: 8 * 390 - 51 }, (_, n) => (n < 20 ? 7 : 4))}]`)
    const ran = await dir.called(['backtest', '--policy', 'replay:actions', '--keep', 'run', 'bars.ndjson'])
    expect([ran.status, manifestOf(dir).options]).toEqual([0, { policy: `replay:${dir.file('actions')}` }])
    expect((await dir.called(['replay', 'run'])).status).toBe(0)
    changed(dir.file('actions'), '[7', '[8')
    const other = await dir.called(['replay', 'run'])
    expect([other.status, other.stderr]).toEqual([65, expect.stringContaining('the actions have sha256 ')])
    changed(dir.file('run/manifest.json'), '"jules 0.1.0"', '"jules 0.0.9"')
    const older = await dir.called(['replay', 'run'])
    expect([older.status, older.stderr]).toEqual([
      64,
      expect.stringContaining('the run was made by jules 0.0.9, and this is jules 0.1.0\n'),
    ])
    changed(dir.file('run/manifest.json'), '"options"', '"option"')
    expect((await dir.called(['replay', 'run'])).status).toBe(65)
    expect((await dir.called(['replay', '.'])).status).toBe(66)
    expect((await dir.called(['replay', 'nobody'])).status).toBe(66)
    expect((await dir.called(['replay', 'run', '--retrain'])).status).toBe(64)
  })

  test('takes no folder of others, and leaves none where it fails', async () => {
    const dir = await crossing()
    const keep = (folder: string, ...more: string[]) =>
      dir.called(['backtest', '--keep', folder, ...more, 'bars.ndjson'])
    const taken = await keep('run')
    expect([taken.status, taken.stdout]).toEqual([73, ''])
    const before = dir.read('run/manifest.json')
    expect((await keep('run', '--force', '--policy', 'replay:none')).status).toBe(66)
    expect(dir.read('run/manifest.json')).toBe(before)
    expect((await keep('run', '--force')).status).toBe(0)
    expect(dir.read('run/manifest.json')).not.toBe(before)
    expect((await dir.called(['replay', 'run'])).status).toBe(0)
    mkdirSync(dir.file('own'))
    dir.write('own/manifest.json', '{"format":"mine"}')
    expect((await keep('own', '--force')).status).toBe(73)
    dir.write('few', '[4]')
    expect((await keep('new', '--policy', 'replay:few')).status).toBe(65)
    expect(dir.list()).not.toContain('new')
    expect((await keep('x', '--explain', '2025-08-01 10:30')).status).toBe(64)
  })
})

describe('a training', () => {
  test('comes to the same sessions and to the same bytes, extended and by its name', async () => {
    const dir = new Workdir()
    await dir.called(['fetch', '--mock', '--days', '10', '--regime', 'mean-revert', '-o', 'bars.ndjson'])
    const train = ['train', 'bars.ndjson', ...TINY, '--steps', '1024', '-o', 'run', '--run', 'first']
    expect((await dir.called(train)).status).toBe(0)
    expect((await dir.called(['train', '--resume', 'run', '--extend', '512'])).status).toBe(0)
    // Threads change no bit, and what the environment says of the algorithm is not heard.
    const env = { JULES_LR: '0.5', JULES_WARMUP: '90' }
    const again = await dir.called(['replay', 'first', '--retrain', '--threads', '1'], { env })
    expect(again.status).toBe(0)
    expect(recordsIn(again.stdout).map(({ what, same, kind }) => [what, same, kind])).toEqual([
      ['validation.ndjson', true, 'training'],
      ['policy.safetensors', true, 'training'],
      ['best.safetensors', true, 'training'],
    ])
    // It is no trial.
    expect((await dir.called(['runs', 'list'])).stdout.trim().split('\n')).toHaveLength(1)

    const model = dir.file('run/best.safetensors')
    const backtest = [
      'backtest',
      '--policy',
      `model:run`,
      '--keep',
      'kept',
      'bars.ndjson',
      '--records',
      'risk',
    ]
    expect((await dir.called(backtest)).status).toBe(0)
    expect((await dir.called(['replay', 'kept'])).status).toBe(0)
    const bytes = readFileSync(model)
    // The last weights are those of the policy or the value: many of them, made large.
    for (let at = bytes.length - 1; at > bytes.length - 4000; at -= 4) bytes[at] = 0x41
    writeFileSync(model, bytes)
    const other = await dir.called(['replay', 'run'])
    const [record] = recordsIn(other.stdout)
    expect([other.status, record.same]).toEqual([1, false])
    const [first] = dir.read('run/validation.ndjson').split('\n')
    expect(record.detail.date).toBe(JSON.parse(first!).date)
    expect(record.detail.expected).toBe(first)
    const otherModel = await dir.called(['replay', 'kept'])
    expect([otherModel.status, otherModel.stderr]).toEqual([
      65,
      expect.stringContaining('the bytes of the model have sha256 '),
    ])
  })
})
