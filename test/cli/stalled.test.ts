/** Pipes and FIFOs that stall, at either end. */
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { BIN, barLines, Workdir } from '../support/workdir.js'

test('a reader that stalls does not keep SIGTERM from being answered', async () => {
  const dir = new Workdir()
  const child = dir.start(BIN, ['fetch', '--mock', '--days', '6000'])
  await new Promise((done) => child.stdout?.once('readable', done))
  const ended = new Promise<number | null>((done) => child.once('exit', (status) => done(status)))
  child.kill('SIGTERM')
  expect(await ended).toBe(143)
})

test.each(['load --dry-run', 'fetch', 'fetch --mock -o', 'vault set A --file'])(
  '%s FIFO without another end does not keep SIGTERM from being answered',
  async (command) => {
    const dir = new Workdir()
    execFileSync('mkfifo', [dir.file('fifo')])
    const child = dir.start(BIN, [...command.split(' '), 'fifo', '-v'], {
      env: { TRADING_VAULT_PASSWORD: 'pw' },
    })
    const ended = new Promise<number | null>((done) => child.once('exit', (status) => done(status)))
    await new Promise((done) => child.stderr?.once('data', done))
    child.kill('SIGTERM')
    expect(await ended).toBe(143)
  },
)

test('a FIFO is waited for, at both ends', async () => {
  const dir = new Workdir()
  execFileSync('mkfifo', [dir.file('fifo')])
  const { stdout, stderr } = await dir.shell(
    'jules fetch --mock --days 3 -o fifo & jules fetch fifo | wc -l; wait',
  )
  expect([stdout.trim(), stderr]).toEqual(['2340', ''])
})

test('a pipe that stalls does not keep SIGTERM from being answered', async () => {
  const dir = new Workdir()
  const child = dir.start(BIN, ['load', '--dry-run', '-v'])
  child.stdin?.write(barLines(10))
  const ended = new Promise<number | null>((done) => child.once('exit', (status) => done(status)))
  // What -v says comes after the signals are heard.
  await new Promise((done) => child.stderr?.once('data', done))
  child.kill('SIGTERM')
  expect(await ended).toBe(143)
})
