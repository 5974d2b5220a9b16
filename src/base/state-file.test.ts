import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { disk } from './disk.js'
import { readState, writeState } from './state-file.js'

function file(): string {
  const dir = mkdtempSync(join(tmpdir(), 'jules-state-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  return join(dir, 'deep', 'state.json')
}

const world = { disk, token: () => 'token' }

test('what is written is read, by the owner alone, and nothing lies beside it', () => {
  const path = file()
  expect(readState(disk, path)).toBe(null)
  writeState(world, path, { a: 1 })
  writeState(world, path, { b: [2] })
  expect(readState(disk, path)).toEqual({ b: [2] })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700)
  expect(readdirSync(dirname(path))).toEqual(['state.json'])
})

test('a damaged file is as good as none', () => {
  const path = file()
  writeState(world, path, 1)
  for (const text of ['', '{"a":', 'x']) {
    writeFileSync(path, text)
    expect(readState(disk, path)).toBe(null)
  }
})

test('a failing disk leaves the old state and nothing beside it', () => {
  const path = file()
  writeState(world, path, { a: 1 })
  const full = () => {
    throw Object.assign(new Error('full'), { code: 'ENOSPC' })
  }
  for (const broken of [{ write: full }, { sync: full }, { rename: full }]) {
    expect(() => writeState({ ...world, disk: { ...disk, ...broken } }, path, { a: 2 })).toThrow('full')
    expect(readFileSync(path, 'utf8')).toBe('{"a":1}')
    expect(readdirSync(dirname(path))).toEqual(['state.json'])
  }
})

test('a link that lies in its place is not followed', () => {
  const path = file()
  writeState(world, path, { a: 1 })
  const elsewhere = join(dirname(path), 'elsewhere')
  writeFileSync(elsewhere, '{"b":1}')
  rmSync(path)
  symlinkSync(elsewhere, path)
  expect(() => readState(disk, path)).toThrow('ELOOP')
  writeState(world, path, { a: 2 })
  expect(readFileSync(elsewhere, 'utf8')).toBe('{"b":1}')
  expect(readState(disk, path)).toEqual({ a: 2 })
})
