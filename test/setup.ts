/** Builds once, and runs one embedded server for all tests that need PostgreSQL. */
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
  }
}

export default function setup(project: TestProject): () => void {
  execFileSync('npm', ['run', '-s', 'build'], { stdio: 'inherit' })
  const home = mkdtempSync(join(tmpdir(), 'jules-server-'))
  const env = { PATH: process.env.PATH, HOME: home }
  const url = execFileSync('bin/jules', ['-q', 'db', 'psql-url'], { env, encoding: 'utf8' }).trim()
  project.provide('serverHome', home)
  project.provide('serverUrl', url)
  return () => {
    execFileSync('bin/jules', ['-q', 'db', 'stop'], { env })
    rmSync(home, { recursive: true, force: true })
  }
}
