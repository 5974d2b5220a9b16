/** The embedded server is killed while it is made, and while it takes a load. */
import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { lines, noTrace, ownServer, ROWS } from '../support/store.js'
import { moments, rounds } from '../support/torture.js'
import { BIN, barLine, finished, once } from '../support/workdir.js'

// Recovery syncs every file of the cluster first, which on a busy disk takes its time.
describe('the embedded server', { timeout: rounds({ short: 240_000, full: 600_000 }) }, () => {
  test('SIGKILL while the cluster is made: the next start makes it, and what is left goes when it is old', async () => {
    const count = rounds({ short: 1, full: 10 })
    for (const delay of moments('db start', { count, from: 0, to: rounds({ short: 5, full: 1500 }) })) {
      const dir = ownServer('jules-halfmade-')
      const child = dir.start(BIN, ['db', 'start'])
      const exited = new Promise((done) => child.once('exit', done))
      await new Promise((done) => child.stderr?.once('data', done))
      const pg = dir.file('.local/share/jules/pg')
      const halves = () => readdirSync(pg).filter((name) => name.startsWith('data.'))
      while (halves().length === 0) await setTimeout(5)
      await setTimeout(delay)
      child.kill('SIGKILL')
      await exited
      // What makes the cluster outlives its parent for a while, and writes to it.
      while (spawnSync('pgrep', ['-f', join(pg, 'data\\.')]).status === 0) await setTimeout(20)
      for (const name of halves()) utimesSync(join(pg, name), 1, 1)
      const { status, stderr } = await dir.jules(['load'], { input: barLine(0) })
      expect(status, `killed after ${delay} ms: ${stderr}`).toBe(0)
      expect(halves()).toEqual([])
      await dir.jules(['-q', 'db', 'stop'])
    }
  })

  test('the server killed in mid COPY: words, and the next run completes the load', async () => {
    const dir = ownServer('jules-midcopy-')
    await dir.jules(['db', 'start'])
    const url = (await dir.jules(['db', 'psql-url'])).stdout.trim()
    const count = rounds({ short: 1, full: 10 })
    for (const delay of moments('mid COPY', { count, from: 0, to: rounds({ short: 5, full: 400 }) })) {
      const { pid } = JSON.parse((await dir.jules(['db', 'status'])).stdout)
      const child = dir.start(BIN, ['load'])
      child.stdin?.write(lines.slice(0, 30_000_000))
      for (;;) {
        const rows = await once(url, 'SELECT count(*)::int AS n FROM market_data').catch(() => [{ n: 0 }])
        if (Number(rows[0]?.n) > 0) break
        await setTimeout(10)
      }
      await setTimeout(delay)
      process.kill(pid, 'SIGKILL')
      // The children of a killed postmaster end when they notice; ours is cut off at once.
      execFileSync('bash', ['-c', `pkill -KILL -P ${pid} || true`])
      const { status, stderr } = await finished(child, lines.slice(30_000_000))
      expect(status, `killed after ${delay} ms: ${stderr}`).toBe(69)
      expect(stderr).toMatch(/(50|100)000 rows are committed; running it again completes the load/)
      noTrace(stderr)
      const again = await dir.jules(['load'], { input: lines })
      expect([again.status, again.stderr.replace(/\d+ written, \d+ unchanged/, 'W')]).toEqual([
        0,
        `jules load: ${ROWS} rows read, W, 0 rejected\n`,
      ])
      expect(await once(url, 'SELECT count(*)::int AS n FROM market_data')).toEqual([{ n: ROWS }])
      await once(url, 'TRUNCATE market_data')
    }
  })
})
