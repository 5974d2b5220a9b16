/** Builds once, runs one embedded server for all tests that need PostgreSQL, and names the seed of random moments. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** HOME of the shared server. */
    serverHome: string
    /** A URL of the shared server; the database in it may be replaced. */
    serverUrl: string
    /** Seed of random moments, see support/torture.ts. */
    seed: number
    /** A folder of master keys, see support/warm-key.js. */
    keys: string
  }
}

export default function setup(project: TestProject): () => void {
  // JULES_BUILT=1 says that dist is that of the sources.
  if (process.env.JULES_BUILT !== '1') execFileSync('npm', ['run', '-s', 'build'], { stdio: 'inherit' })
  const home = mkdtempSync(join(tmpdir(), 'jules-server-'))
  const env = { PATH: process.env.PATH, HOME: home }
  const url = execFileSync('bin/jules', ['-q', 'db', 'psql-url'], { env, encoding: 'utf8' }).trim()
  // The suite that everyone runs has the same moments each time; torture looks for new ones.
  const seed = Number(
    process.env.JULES_SEED ?? (process.env.JULES_TORTURE === '1' ? Date.now() % 2 ** 31 : 1),
  )
  console.log(`random moments: JULES_SEED=${seed} gives them again`)
  project.provide('seed', seed)
  const keys = mkdtempSync(join(tmpdir(), 'jules-keys-'))
  project.provide('keys', keys)
  project.provide('serverHome', home)
  project.provide('serverUrl', url)
  return () => {
    execFileSync('bin/jules', ['-q', 'db', 'stop'], { env })
    for (const folder of [home, keys]) rmSync(folder, { recursive: true, force: true })
  }
}
