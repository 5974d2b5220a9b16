/** The first command of a home makes and starts its database. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ownServer } from '../support/store.js'
import { barLine } from '../support/workdir.js'

// Recovery syncs every file of the cluster first, which on a busy disk takes its time.
describe('the embedded server', { timeout: 240_000 }, () => {
  test('six racing first starts: all succeed, one server', async () => {
    const dir = ownServer('jules-race-')
    const results = await Promise.all(
      Array.from({ length: 6 }, (_, k) =>
        dir.jules(['load', '--symbol', `S${k}`], { input: barLine(0, { symbol: `S${k}` }) }),
      ),
    )
    expect(results.map(({ status, stderr }) => (status === 0 ? 0 : stderr))).toEqual([0, 0, 0, 0, 0, 0])
    const { stdout } = await dir.jules(['export', '-f', 'csv'])
    expect(stdout.trim().split('\n')).toHaveLength(7)
    // Nothing of the losers is left.
    expect(execFileSync('ls', [join(dir.path, '.local/share/jules/pg')], { encoding: 'utf8' })).not.toMatch(
      /data\./,
    )
  })

  test('a home with spaces, quotes and more', async () => {
    const dir = ownServer(`jules it's a "home" $HOME, `)
    const { status, stderr } = await dir.jules(['load'], { input: barLine(0) })
    expect([status, stderr.split('\n').at(-2)]).toEqual([
      0,
      'jules load: 1 rows read, 1 written, 0 unchanged, 0 rejected',
    ])
  })

  test('a home path longer than a socket name may be', async () => {
    const dir = ownServer('jules-long-')
    const deep = join(dir.path, 'x'.repeat(100), 'y'.repeat(100))
    mkdirSync(deep, { recursive: true })
    const env = { HOME: deep }
    onTestFinished(async () => {
      await dir.jules(['-q', 'db', 'stop'], { env })
    })
    const { status, stderr } = await dir.jules(['load'], { input: barLine(0), env })
    expect([status, stderr.split('\n').at(-2)]).toEqual([
      0,
      'jules load: 1 rows read, 1 written, 0 unchanged, 0 rejected',
    ])
    const { socket } = JSON.parse((await dir.jules(['db', 'status'], { env })).stdout)
    expect(Buffer.byteLength(`${socket}/.s.PGSQL.5432`)).toBeLessThanOrEqual(107)
  })
})
