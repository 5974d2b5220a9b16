/** What the benchmarks share: medians, and whole processes with their time and largest resident set. */
import { spawn, spawnSync } from 'node:child_process'

export const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

/** Runs a command line in `env`; returns seconds and the largest resident set in MB. */
export async function timed(command, args, { env, input, output } = {}) {
  const start = process.hrtime.bigint()
  const child = spawn(command, args, { env, stdio: [input ?? 'ignore', output ?? 'ignore', 'pipe'] })
  let peak = 0
  let stderr = ''
  child.stderr.on('data', (data) => {
    stderr += data
  })
  const watch = setInterval(() => {
    const status = spawnSync('sh', ['-c', `grep VmHWM /proc/${child.pid}/status`], {
      encoding: 'utf8',
    }).stdout
    peak = Math.max(peak, Number(/(\d+)/.exec(status)?.[1] ?? 0) / 1024)
  }, 200)
  const status = await new Promise((done) => child.on('close', done))
  clearInterval(watch)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${status}\n${stderr}`)
  return { seconds: Number(process.hrtime.bigint() - start) / 1e9, peak, stderr }
}
