/** The state of the database, for programs and for people. */
import { expect, test } from 'vitest'
import { fakePostgres } from '../support/fake-postgres.js'
import { freshDatabase, Workdir } from '../support/workdir.js'

test('a record in a pipe, aligned lines for people, and 1 where it does not run', async () => {
  const dir = new Workdir()
  const record = await dir.jules(['db', 'status'])
  expect([record.status, record.stdout]).toEqual([
    1,
    '{"type":"state","database":"embedded","state":"not made yet","pid":null,"socket":null,"version":null,"tls":null,"tables":null}\n',
  ])
  const lines = await dir.jules(['db', 'status', '-f', 'table'])
  expect([lines.status, lines.stdout]).toEqual([
    1,
    'database  embedded, not made yet\nstart     jules db start\n',
  ])
  const painted = await dir.jules(['db', 'status', '-f', 'table', '--color', 'always'])
  expect(painted.stdout).toContain('\u001b[31mnot made yet\u001b[39m')
})

test('a server that is named is asked: its version, TLS and tables; one that is not there is 69, one that says no 77', async () => {
  const dir = new Workdir('jules-status-')
  const { dsn, query } = await freshDatabase()
  const state = async () => JSON.parse((await dir.jules(['db', 'status', '--dsn', dsn])).stdout)
  const expected = {
    type: 'state',
    database: expect.stringMatching(/^jules@\/.*:5432\/t_/),
    state: 'running',
    pid: null,
    socket: null,
    version: expect.stringMatching(/^\d+\.\d/),
    tls: false,
    tables: 'missing',
  }
  expect(await state()).toEqual(expected)
  await query('CREATE TABLE fills (a int)')
  expect(await state()).toEqual({ ...expected, tables: 'different' })
  await query('DROP TABLE fills')
  await dir.jules(['db', 'init', '--dsn', dsn])
  const { searchParams, pathname } = new URL(dsn.replace('@/', '@localhost/'))
  const env = { PGHOST: searchParams.get('host')!, PGUSER: 'jules', TIMESCALEDB_DATABASE: pathname.slice(1) }
  const lines = await dir.jules(['db', 'status', '-f', 'table'], { env })
  expect([lines.status, lines.stdout]).toEqual([
    0,
    expect.stringMatching(
      /^database {2}jules@.*, running\nversion {3}PostgreSQL [\d.]+.*\nTLS {7}no\ntables {4}there\n$/,
    ),
  ])
  const silent = await dir.jules(['db', 'status', '--dsn', 'postgresql://u@127.0.0.1:1/db'])
  expect([silent.status, silent.stdout, silent.stderr]).toEqual([
    69,
    '',
    expect.stringContaining('cannot connect to u@127.0.0.1:1/db'),
  ])
  const { port } = await fakePostgres()
  const refused = await dir.jules(['db', 'status', '--dsn', `postgresql://u@127.0.0.1:${port}/db`], {
    env: { TIMESCALEDB_PASSWORD: 'wrong' },
  })
  expect([refused.status, refused.stdout]).toEqual([77, ''])
})
