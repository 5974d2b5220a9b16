/** Command lines of a scheduler, run by the shell. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Failure } from '../../base/errors.js'
import { formatTime } from '../../base/time.js'
import type { Context } from '../../cli/context.js'
import type { Job, TaskFolder } from '../../sweep/folder.js'
import { answerOf, filled, type JobPlaces, jobOf, type Ran, type Templates } from '../../sweep/jobs.js'
import { token } from './own.js'

type World = Pick<Context, 'environment' | 'signal' | 'cwd'>

/** A scheduler that does not answer for this long is given up on. */
const PATIENCE_MS = 60_000

async function shell({ environment, signal, cwd }: World, line: string): Promise<Ran> {
  const child = spawn('sh', ['-c', line], {
    cwd,
    env: { ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    timeout: PATIENCE_MS,
  })
  const said = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8')
    child[name].on('data', (text: string) => {
      if (said[name].length < MOST_SAID) said[name] += text
    })
  }
  const [status] = (await once(child, 'exit').catch((error) => {
    signal.throwIfAborted()
    throw new Failure('unavailable', `the shell cannot be started: ${String(error)}`)
  })) as [number | null]
  // What a job holds open, as one that goes on in the background, is not waited for.
  if (said.stdout === '')
    await Promise.race([once(child, 'close'), new Promise((done) => setTimeout(done, 100))])
  return { status: status ?? 255, ...said }
}

const MOST_SAID = 1 << 16

const placesOf = (folder: TaskFolder): JobPlaces => ({
  run: folder.file('script'),
  dir: folder.path,
  id: folder.task.id,
})

/** Submits a task whose folder is ready. Throws 69 where the scheduler does not take it. */
export async function submit(
  context: World & Pick<Context, 'clock'>,
  folder: TaskFolder,
  templates: Templates,
): Promise<Job> {
  const places = placesOf(folder)
  const line = filled(templates.submit, places)
  // Refused before anything is submitted that could not be asked for again.
  for (const other of [templates.status, templates.cancel])
    if (other !== null) filled(other, { ...places, job: 'JOB' })
  const job: Job = {
    job: jobOf(await shell(context, line), line),
    ...templates,
    time: formatTime(context.clock()),
  }
  folder.writeJob(job, token)
  return job
}

/** Whether the scheduler still has a job; null where there is no way to ask. */
export async function hasJob(
  context: World,
  folder: TaskFolder,
  { job, status }: Job,
): Promise<boolean | null> {
  if (status === null) return null
  return answerOf(await shell(context, filled(status, { ...placesOf(folder), job })))
}

/** Cancels a job; false where there is no way to, or the scheduler refused. */
export async function cancelJob(context: World, folder: TaskFolder, { job, cancel }: Job): Promise<boolean> {
  if (cancel === null) return false
  return (await shell(context, filled(cancel, { ...placesOf(folder), job }))).status === 0
}
