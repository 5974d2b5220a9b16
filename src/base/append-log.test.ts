import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { fileHandle } from '../../test/support/file-handle.js'
import { openLog, readLog, type Torn } from './append-log.js'

function file(content?: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'jules-log-'))
  onTestFinished(() => {
    chmodSync(dir, 0o700)
    rmSync(dir, { recursive: true })
  })
  const path = join(dir, 'log.ndjson')
  if (content !== undefined) writeFileSync(path, content)
  return path
}

async function appended(path: string, torn: Torn, ...lines: string[]): Promise<string> {
  const log = await openLog(path, { torn })
  for (const line of lines) await log.append(line)
  await log.close()
  return readFileSync(path, 'utf8')
}

const fault = (code: string) => Object.assign(new Error(code), { code })

const parse = (text: string): number | undefined => {
  const value = Number(text)
  return Number.isNaN(value) ? undefined : value
}

describe('a torn last line', () => {
  test('is cut off for a log with one writer', async () => {
    expect(await appended(file('1\n2\n3'), 'drop', '4\n')).toBe('1\n2\n4\n')
    expect(await appended(file('1'), 'drop', '4\n')).toBe('4\n')
    expect(await appended(file('1\n'), 'drop', '4\n')).toBe('1\n4\n')
    // Longer than the block it is looked for in.
    expect(await appended(file(`1\n${'x'.repeat(200_000)}`), 'drop', '4\n')).toBe('1\n4\n')
    expect(await appended(file('x'.repeat(200_000)), 'drop')).toBe('')
  })

  test('is parted from the next one where others write too', async () => {
    expect(await appended(file('1\n2'), 'part', '3\n', '4\n')).toBe('1\n2\n3\n4\n')
    expect(await appended(file('1\n'), 'part', '3\n')).toBe('1\n3\n')
    // Nothing is written until there is a line to write.
    expect(await appended(file('1\n2'), 'part')).toBe('1\n2')
  })

  test('is left in a file that does not consist of lines', async () => {
    expect(await appended(file('12'), 'keep', '34')).toBe('1234')
  })
})

describe('reading', () => {
  test('tells a torn last line from a damaged one in the middle', async () => {
    expect(await readLog(file('1\nx2\n3\n\n4\n5'), parse)).toEqual({
      records: [1, 3, 4],
      damaged: [{ line: 2, text: 'x2' }],
      torn: { line: 6, text: '5' },
    })
    expect(await readLog(file('1\nx\n'), parse)).toEqual({
      records: [1],
      damaged: [{ line: 2, text: 'x' }],
      torn: null,
    })
  })

  test('finds nothing in a file that is empty or not there', async () => {
    const nothing = { records: [], damaged: [], torn: null }
    expect(await readLog(file(), parse)).toEqual(nothing)
    expect(await readLog(file(''), parse)).toEqual(nothing)
  })

  test('names a file that cannot be read', async () => {
    await expect(readLog(tmpdir(), parse)).rejects.toThrow(`${tmpdir()}: is a directory`)
  })
})

describe('appending', () => {
  test('keeps the order of the calls, and makes the file with the mode asked for', async () => {
    const path = file()
    const log = await openLog(path, { torn: 'drop', mode: 0o600 })
    await Promise.all(Array.from({ length: 50 }, (_, i) => log.append(`${i}\n`, { sync: i % 7 === 0 })))
    await log.close()
    expect((await readLog(path, parse)).records).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('reaches the disk before it resolves when that is asked for', async () => {
    const sync = vi.spyOn(await fileHandle(), 'sync')
    const path = file()
    const log = await openLog(path, { torn: 'drop' })
    await log.append('1\n')
    expect(sync).not.toHaveBeenCalled()
    let onDisk = ''
    sync.mockImplementationOnce(async () => {
      onDisk = readFileSync(path, 'utf8')
    })
    await log.append('2\n', { sync: true })
    expect(onDisk).toBe('1\n2\n')
    await log.close()
  })

  test('takes nothing more after a failed sync', async () => {
    const sync = vi.spyOn(await fileHandle(), 'sync')
    const path = file()
    const log = await openLog(path, { torn: 'drop' })
    sync.mockRejectedValueOnce(fault('EIO'))
    await expect(log.append('1\n', { sync: true })).rejects.toThrow(`${path}: input/output error`)
    await expect(log.append('2\n', { sync: true })).rejects.toThrow('input/output error')
    await log.close()
    expect(readFileSync(path, 'utf8')).toBe('1\n')
  })

  test.each<[Torn, string]>([
    ['drop', '1\n4\n'],
    ['part', '1\n23\n4\n'],
  ])('never joins a line to one that a full disk cut off: %s', async (torn, expected) => {
    const append = vi.spyOn(await fileHandle(), 'appendFile')
    const path = file('1\n')
    const log = await openLog(path, { torn })
    append.mockImplementationOnce(async () => {
      appendFileSync(path, '23')
      throw fault('ENOSPC')
    })
    await expect(log.append('2345\n')).rejects.toMatchObject({
      kind: 'io',
      message: `${path}: no space left on device`,
    })
    await log.append('4\n')
    await log.close()
    expect(readFileSync(path, 'utf8')).toBe(expected)
  })

  test('says where a log cannot be made', async () => {
    const path = join(file(), 'below', 'log')
    await expect(openLog(path, { torn: 'drop' })).rejects.toMatchObject({
      kind: 'cannotCreate',
      message: `${path}: no such file or directory`,
    })
  })
})

test('a pipe in the place of a log is refused, and not waited for', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'jules-log-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  await expect(readLog(path, (line) => line)).rejects.toMatchObject({
    kind: 'data',
    message: 'is no regular file',
  })
})
