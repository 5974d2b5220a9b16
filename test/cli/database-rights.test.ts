/** What a role, a file mode and a user may do with the database. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ownServer } from '../support/store.js'
import { BIN, barLine, finished, freshDatabase, once, Workdir } from '../support/workdir.js'

test('a role that may not create tables is told who can', async () => {
  const dir = new Workdir()
  const { dsn, query } = await freshDatabase()
  const role = `poor_${process.pid}`
  await query(`CREATE ROLE ${role} LOGIN`)
  onTestFinished(() =>
    once(dsn.replace(/\/t_[^?]*/, '/trading_data'), `DROP ROLE IF EXISTS ${role}`).then(() => {}),
  )
  const poor = dsn.replace('jules@', `${role}@`)
  const { status, stderr } = await dir.jules(['load', '--dsn', poor], { input: barLine(0) })
  expect(status).toBe(77)
  expect(stderr).toMatch(
    /cannot make the tables: permission denied for schema public\njules load: hint: run "jules db init" once/,
  )
  // Once the tables are there, it needs no right to CREATE.
  await dir.jules(['db', 'init', '--dsn', dsn])
  await query(`GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`)
  expect((await dir.jules(['load', '--dsn', poor], { input: barLine(0) })).status).toBe(0)
  await query(`DROP OWNED BY ${role}`)
})

describe('the embedded server', { timeout: 240_000 }, () => {
  test('nobody else may enter the socket directory', async () => {
    const dir = ownServer('jules-mode-')
    await dir.jules(['db', 'start'])
    const { socket } = JSON.parse((await dir.jules(['db', 'status'])).stdout)
    expect(execFileSync('stat', ['-c', '%a', socket], { encoding: 'utf8' }).trim()).toBe('700')
    execFileSync('chmod', ['755', socket])
    const { status, stderr } = await dir.jules(['export'])
    expect([status, stderr.split('\n')[0]]).toEqual([
      77,
      `jules export: ${socket}: expected a directory of your own with mode 0700`,
    ])
    execFileSync('chmod', ['700', socket])
  })

  const asNobody =
    process.getuid?.() === 0 &&
    spawnSync(process.execPath, ['-e', `require('fs').accessSync('${BIN}')`], {
      uid: 65534,
      gid: 65534,
      cwd: '/',
    }).status === 0
  test.skipIf(!asNobody)(
    'root where user namespaces are forbidden: the server runs as nobody, in a place of its own',
    async () => {
      const dir = new Workdir('jules-root-')
      mkdirSync(dir.file('bin'))
      execFileSync('ln', ['-s', process.execPath, dir.file('bin/node')])
      // No unshare on this PATH.
      const run = (args: string[], input = '') =>
        finished(dir.start(process.execPath, [BIN, ...args], { env: { PATH: dir.file('bin') } }), input)
      const loaded = await run(['load'], barLine(0))
      const { socket, pid } = JSON.parse((await run(['db', 'status'])).stdout)
      const owner = execFileSync('stat', ['-c', '%u', `/proc/${pid}`], { encoding: 'utf8' }).trim()
      await run(['db', 'stop'])
      rmSync(socket.replace(/\/run$/, ''), { recursive: true, force: true })
      expect([loaded.status, owner]).toEqual([0, '65534'])
      expect(socket).toMatch(/^\/var\/lib\/jules-[0-9a-f]{12}\/run$/)
    },
  )
})
