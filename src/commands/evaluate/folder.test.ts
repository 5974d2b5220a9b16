import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { emptied, newFolder } from './folder.js'

const place = () => join(mkdtempSync(join(tmpdir(), 'jules-evaluation-')), 'one')

test('of two that begin in one folder at once the second is refused, and leaves the bars of the first', async () => {
  for (const isThere of [false, true]) {
    const folder = place()
    if (isThere) mkdirSync(folder)
    const both = await Promise.allSettled([newFolder(folder), newFolder(folder)])
    const refused = both.filter(({ status }) => status === 'rejected')
    expect(refused).toMatchObject([{ reason: { code: 73, hint: expect.stringContaining('begins there') } }])
    writeFileSync(join(folder, 'bars.ndjson'), '')
    await expect(newFolder(folder)).rejects.toMatchObject({ hint: expect.stringContaining('begins there') })
    expect(readdirSync(folder)).toContain('bars.ndjson')
  }
})

test('a folder in which nothing was begun may be named again', async () => {
  const folder = place()
  await emptied(folder, await newFolder(folder))
  expect(await newFolder(folder)).toBe(true)
  await emptied(folder, false)
  expect(readdirSync(folder)).toEqual([])
  expect(await newFolder(folder)).toBe(false)
})
