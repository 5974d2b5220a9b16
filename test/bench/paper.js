// Paper trading on the simulated gateway: a whole day, from bar to order, and memory over ten days.
import { spawn } from 'node:child_process'
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const BIN = resolve('bin/jules')
const dir = mkdtempSync(join(tmpdir(), 'jules-bench-'))
const env = { ...process.env, HOME: dir, XDG_DATA_HOME: join(dir, 'data') }

const quantile = (numbers, part) =>
  [...numbers].sort((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(part * numbers.length))]

/** Milliseconds of writing and syncing a line, where the journal lies. */
function syncs(count) {
  const fd = openSync(join(dir, 'sync'), 'a')
  const took = Array.from({ length: count }, () => {
    const from = performance.now()
    writeSync(fd, 'x'.repeat(600))
    fsyncSync(fd)
    return performance.now() - from
  })
  closeSync(fd)
  return took
}

const residentMiB = (pid) =>
  (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096) / 2 ** 20

/** Plays a file; gives seconds, latencies in milliseconds, and the resident memory after each session. */
async function play(file, policy) {
  const from = performance.now()
  const child = spawn(
    BIN,
    ['paper', '--replay', file, '--policy', policy, '--records', 'state,order', '--max-loss', '1000000'],
    {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  const latencies = []
  const memory = []
  let ordered = false
  for await (const line of createInterface({ input: child.stdout })) {
    const record = JSON.parse(line)
    if (record.type === 'order') ordered = true
    else {
      if (ordered) latencies.push(record.latency_ms)
      ordered = false
      if (record.time.endsWith('20:00:00Z') && process.platform === 'linux')
        memory.push(residentMiB(child.pid))
    }
  }
  return { seconds: (performance.now() - from) / 1000, latencies, memory }
}

async function bars(days) {
  const file = join(dir, `${days}.ndjson`)
  const child = spawn(BIN, ['fetch', '--mock', '--days', String(days)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pieces = []
  for await (const piece of child.stdout) pieces.push(piece)
  writeFileSync(file, Buffer.concat(pieces))
  return file
}

try {
  const day = await bars(1)
  const runs = []
  for (let i = 0; i < 3; i++) runs.push(await play(day, 'random'))
  const fsync = syncs(500)
  const latencies = runs.flatMap((run) => run.latencies)
  console.log(`a day of 390 minutes: ${runs.map(({ seconds }) => seconds.toFixed(2)).join(', ')} s`)
  console.log(
    `bar to order: median ${quantile(latencies, 0.5)} ms, p99 ${quantile(latencies, 0.99)} ms of ${latencies.length}; fsync median ${quantile(fsync, 0.5).toFixed(2)} ms, p99 ${quantile(fsync, 0.99).toFixed(2)} ms`,
  )
  const { seconds, memory } = await play(await bars(10), 'random')
  console.log(
    `ten days: ${seconds.toFixed(2)} s; resident after each: ${memory.map((one) => one.toFixed(0)).join(', ')} MiB`,
  )
} finally {
  rmSync(dir, { recursive: true, force: true })
}
