import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { crc32c, fileVersion, masked, scalars, sessionStart } from './tensorboard.js'

test('CRC-32C of the published vectors', () => {
  // RFC 3720, appendix B.4, and the customary check value.
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
  expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e)
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
})

test('a record is framed as TFRecord, and an event encoded by hand reads the same', () => {
  const record = Buffer.from(scalars(1.5, 300, { ab: 0.25 }))
  // wall_time 1.5; step 300; summary { value { tag "ab", simple_value 0.25 } }
  const event = Buffer.from(
    '09000000000000f83f' + '10ac02' + '2a0b' + '0a09' + '0a026162' + '150000803e',
    'hex',
  )
  expect(record.readBigUInt64LE(0)).toBe(BigInt(event.length))
  expect(record.subarray(12, 12 + event.length).toString('hex')).toBe(event.toString('hex'))
  expect(record.readUInt32LE(8)).toBe(masked(record.subarray(0, 8)))
  expect(record.readUInt32LE(12 + event.length)).toBe(masked(event))
  expect(record.length).toBe(event.length + 16)
})

const python = spawnSync('python3', ['-c', 'import tensorboard']).status === 0
test.skipIf(!python)('the library tensorboard for Python reads it (skipped without it)', () => {
  const dir = mkdtempSync(join(tmpdir(), 'jules-events-'))
  const tags = { 'rollout/ep_rew_mean': -3.5, 'train/approx_kl': 0.0125 }
  const parts = [fileVersion(100), sessionStart(100, 1), scalars(101, 2048, tags), scalars(101.5, 4096, tags)]
  writeFileSync(join(dir, 'events.out.tfevents.100.1.jules'), Buffer.concat(parts))
  // Taken up again at 2048: that one stays, and 4096 comes anew.
  const later = [fileVersion(101.7), sessionStart(101.7, 2049), scalars(102, 4096, tags)]
  writeFileSync(join(dir, 'events.out.tfevents.101.1.jules'), Buffer.concat(later))
  const script = `
import sys, json
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
e = EventAccumulator(sys.argv[1]); e.Reload()
print(json.dumps({t: [[s.step, s.wall_time, s.value] for s in e.Scalars(t)] for t in e.Tags()['scalars']}))`
  const { stdout, stderr } = spawnSync('python3', ['-c', script, dir], { encoding: 'utf8' })
  rmSync(dir, { recursive: true })
  expect(JSON.parse(stdout || `"${stderr}"`)).toEqual({
    'rollout/ep_rew_mean': [
      [2048, 101, -3.5],
      [4096, 102, -3.5],
    ],
    'train/approx_kl': [
      [2048, 101, Math.fround(0.0125)],
      [4096, 102, Math.fround(0.0125)],
    ],
  })
})
