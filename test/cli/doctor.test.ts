/** What the doctor finds, each check in health and out of it, and that it leaves everything as it was. */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  calendarCheck,
  clockCheck,
  diskCheck,
  folderCheck,
  nodeCheck,
  packageChecks,
  zoneCheck,
} from '../../src/commands/doctor/machine.js'
import { ScriptedGateway, SENT } from '../support/scripted-gateway.js'
import { parse } from '../support/training.js'
import { freshDatabase, type RunOptions, Workdir } from '../support/workdir.js'

const day = (date: string): number => Date.parse(`${date}T12:00:00Z`)

async function doctor(dir: Workdir, args: readonly string[] = [], options: RunOptions = {}) {
  const { status, stdout, stderr } = await dir.called(['doctor', ...args], options)
  const checks = parse(stdout)
  expect(new Set(checks.map((check) => Object.keys(check).join()))).toEqual(
    new Set(['type,name,ok,problem,fix,detail']),
  )
  const bad = checks.filter(({ ok }) => !ok)
  expect([status, bad.every(({ problem, fix }) => problem !== null && fix !== null)]).toEqual([
    bad.length === 0 ? 0 : 1,
    true,
  ])
  return { checks, bad, stderr, of: (name: string) => checks.find((check) => check.name === name) }
}

test('a sound machine: every check is ok, nothing is made, standard input is left alone', async () => {
  const dir = new Workdir()
  const { bad, stderr, checks, of } = await doctor(dir, [], { input: 'no record' })
  expect([bad, stderr, dir.list()]).toEqual([[], '', []])
  expect(checks.map(({ name }) => name)).toEqual([
    ...['node', 'argon2', 'postgres', 'engine cpu', 'engine gpu', 'config file', 'store', 'vault', 'clock'],
    ...[
      'time zones',
      'calendar',
      'configuration',
      'data',
      'state',
      'temporary',
      'disk data',
      'disk temporary',
    ],
  ])
  expect(of('store').detail).toContain('not made yet')
  expect(of('vault').detail).toContain('no vault yet')
  const table = await dir.called(['doctor', '-f', 'table'])
  expect(table.stdout).toContain('ok      store: the embedded database is not made yet')
  const homeless = await dir.shell('env -u HOME jules doctor')
  expect([homeless.stderr, parse(homeless.stdout).length]).toEqual(['', checks.length])
})

test('a gateway that is named is looked at last', async () => {
  const gateway = await ScriptedGateway.start()
  gateway.answers[SENT.quotes] = ([, , request]) => gateway.send(58, 1, request!, 1)
  const { bad, checks } = await doctor(new Workdir(), [
    '--gateway',
    `127.0.0.1:${gateway.port}`,
    '--client-id',
    '5',
  ])
  expect(bad).toEqual([])
  expect(checks.slice(-6).map(({ name }) => name.replace(/^gateway ?/, ''))).toEqual([
    '',
    'account',
    'orders',
    'data',
    'clock',
    'restart',
  ])
  expect(gateway.of(SENT.start)).toEqual([['71', '2', '5', '']])
  await gateway.close()
})

describe('what is wrong has a fix that is a command', () => {
  test('the configuration: every section, not that of one command', async () => {
    const dir = new Workdir()
    mkdirSync(dir.file('.config/jules'), { recursive: true })
    const cases: [content: string, problems: (string | RegExp)[]][] = [
      ['{', [/config\.json: not JSON/]],
      ['[]', [/expected a JSON object/]],
      ['{"trian":{}}', [/unknown key "trian": did you mean "train"\?$/]],
      ['{"train":{"stpes":1},"vault":{"set":{"x":1}}}', [/"train\.stpes"/, /"vault\.set\.x"/]],
      ['{"backtest":{"warmup":"many"}}', [/warmup: expected a whole number/]],
      ['{"train":{"steps":1000},"quiet":true}', []],
    ]
    for (const [content, problems] of cases) {
      dir.write('.config/jules/config.json', content)
      const { bad } = await doctor(dir)
      expect([content, bad.map(({ name, problem }) => [name, problem])]).toEqual([
        content,
        problems.map((words) => ['config file', expect.stringMatching(words)]),
      ])
      for (const { fix } of bad) expect(fix).toBe(`\${EDITOR:-vi} '${dir.file('.config/jules/config.json')}'`)
    }
    const missing = await doctor(dir, ['--config', 'nowhere.json'])
    expect(missing.of('config file').problem).toContain('nowhere.json: no such file')
    dir.write('.config/jules/config.json', '{}')
    const { bad } = await doctor(dir, [], { env: { JULES_STEPS: 'x' } })
    expect(bad).toMatchObject([{ name: 'environment', fix: 'unset JULES_STEPS' }])
  })

  test('the vault: open to others, damaged, no file', async () => {
    const dir = new Workdir()
    const path = dir.file('.trading_secrets.json')
    copyFileSync('test/fixtures/vault/independent.json', path)
    chmodSync(path, 0o600)
    expect((await doctor(dir)).of('vault')).toMatchObject({
      ok: true,
      detail: expect.stringMatching(/\d secrets$/),
    })
    chmodSync(path, 0o644)
    const open = (await doctor(dir)).of('vault')
    expect(open.problem).toContain('mode 0644')
    expect((await dir.shell(open.fix)).status).toBe(0)
    expect((await doctor(dir)).bad).toEqual([])
    writeFileSync(path, '{}')
    expect((await doctor(dir)).of('vault')).toMatchObject({ ok: false, fix: 'jules vault doctor' })
  })

  test('the store: named wrong, out of reach, in reach', async () => {
    const dir = new Workdir()
    const port = await doctor(dir, [], { env: { TIMESCALEDB_HOST: 'localhost', TIMESCALEDB_PORT: '99999' } })
    expect(port.bad).toMatchObject([{ name: 'store', problem: expect.stringContaining('TIMESCALEDB_PORT') }])
    expect((await dir.shell(port.bad[0].fix, { env: { TIMESCALEDB_PORT: '99999' } })).stdout).toContain(
      '99999',
    )
    const away = await doctor(dir, ['--dsn', 'host=127.0.0.1 port=1 user=me'])
    expect(away.bad).toMatchObject([
      {
        name: 'store',
        problem: expect.stringContaining('cannot connect'),
        fix: "psql 'host=127.0.0.1 port=1 dbname=trading_data user=me' -c 'SELECT 1'",
      },
    ])
    const { dsn, query } = await freshDatabase()
    const near = await doctor(dir, ['--dsn', dsn])
    expect([near.bad, near.of('clock').detail]).toEqual([
      [],
      expect.stringMatching(/^\d\.\d s from that of the store$/),
    ])
    expect(await query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).toEqual([])
    await query('CREATE TABLE market_data (symbol text, "when" date NOT NULL)')
    const foreign = await doctor(dir, ['--dsn', dsn])
    expect(foreign.bad[0]).toMatchObject({
      name: 'tables',
      fix: expect.stringMatching(/^jules db init --dsn .* --schema public$/),
    })
  })

  test('directories', () => {
    const dir = new Workdir()
    dir.write('file', '')
    mkdirSync(dir.file('closed'))
    chmodSync(dir.file('closed'), 0o500)
    const uid = process.getuid!()
    expect(folderCheck('data', dir.file('a/b/c'), 'XDG_DATA_HOME', uid).problem).toBe(null)
    expect(folderCheck('data', dir.file('file/jules'), 'XDG_DATA_HOME', uid)).toMatchObject({
      problem: `${dir.file('file')} is not a directory`,
      fix: 'export XDG_DATA_HOME="$(mktemp -d)"',
    })
    if (uid === 0) return
    const closed = folderCheck('data', dir.file('closed/jules'), 'XDG_DATA_HOME', uid)
    expect(closed.problem).toContain('cannot be made')
    expect(spawnSync('sh', ['-c', closed.fix!]).status).toBe(0)
    expect(folderCheck('data', dir.file('closed/jules'), 'XDG_DATA_HOME', uid).problem).toBe(null)
  })

  test('a home that cannot be written to is told, and the rest is checked all the same', async () => {
    const dir = new Workdir()
    dir.write('file', '')
    const { bad } = await doctor(dir, [], { env: { HOME: dir.file('file') } })
    expect(bad.map(({ name }) => name)).toEqual(['configuration', 'data', 'state'])
    expect(existsSync(dir.file('file'))).toBe(true)
  })

  test('packages that are not there', async () => {
    const load = async (name: string) => {
      throw new Error(`Cannot find package '${name}'\nmore`)
    }
    const checks = await packageChecks('/nowhere', { platform: 'linux', arch: 'x64' }, load)
    expect(checks.map(({ name, problem, fix }) => [name, problem !== null, fix])).toEqual([
      ['argon2', true, 'npm --prefix /nowhere ci --include=optional'],
      ['postgres', true, 'npm --prefix /nowhere ci --include=optional'],
      ['engine cpu', true, 'npm --prefix /nowhere run build'],
      ['engine gpu', false, null],
    ])
  })

  test.each<[check: () => unknown, isOk: boolean]>([
    [() => nodeCheck('20.19.0', '>=20.19'), true],
    [() => nodeCheck('24.1.0', '>=20.19'), true],
    [() => nodeCheck('20.18.9', '>=20.19'), false],
    [() => nodeCheck('18.20.0', '>=20.19'), false],
    [() => zoneCheck(day('2025-01-15')), true],
    [() => zoneCheck(day('2026-07-15')), true],
    // The rules of the war years are not those of today.
    [() => zoneCheck(day('1943-01-15')), false],
    [() => clockCheck(day('2025-08-01'), null), true],
    [() => clockCheck(day('2025-08-01'), day('2025-08-01') + 1999), true],
    [() => clockCheck(day('2025-08-01'), day('2025-08-01') - 2001), false],
    [() => clockCheck(day('1970-01-01'), null), false],
    [() => calendarCheck(day('2028-10-01'), 'update'), true],
    [() => calendarCheck(day('2028-10-03'), 'update'), false],
    [() => calendarCheck(day('2029-02-01'), 'update'), false],
    [() => diskCheck('disk', '/tmp', async () => 5e8), true],
    [() => diskCheck('disk', '/tmp', async () => 4.9e8), false],
  ])('%s', async (check, isOk) => {
    expect(await check()).toMatchObject({ problem: isOk ? null : expect.any(String) })
  })
})
