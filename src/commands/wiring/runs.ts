/** Runs by their names: of the registry of the data directory, by folder, or the newest one. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { FILES } from '../../agent/run/folder.js'
import { folderOf, history, type PastRun } from '../../agent/run/history.js'
import { registryFile } from '../../agent/run/registry.js'
import { Failure, usage } from '../../base/errors.js'
import { nearest } from '../../base/suggest.js'
import { quote } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { lockWorld } from './lock.js'

/** Every run that was trained here, oldest first. */
export const pastRuns = (context: Context): Promise<PastRun[]> =>
  history(registryFile(context.paths.data), lockWorld(context))

/** The run that a word names: by its name, or by its folder. Throws 66 where there is none, 64 where there are several. */
export function runNamed(context: Context, runs: readonly PastRun[], word: string): PastRun {
  const path = resolve(context.cwd, word)
  const inFolder = runs.filter((run) => run.path === path)
  // Of those that had one folder one after the other, the one that has it now.
  const there = inFolder.find(({ folder }) => folder === 'there') ?? inFolder.at(-1)
  if (there !== undefined) return there
  const [run, ...others] = runs.filter((one) => one.run === word)
  if (run === undefined) {
    const near = nearest(word, [...new Set(runs.map((one) => one.run))])
    throw new Failure('noInput', `no run has the name or the folder ${quote(word)}`, {
      hint: near === undefined ? 'jules runs list says which there are' : `did you mean ${near}?`,
    })
  }
  if (others.length === 0) return run
  throw usage(`${1 + others.length} runs have the name ${quote(word)}`, {
    hint: `name one by its folder: ${[run, ...others].map((one) => one.path).join(', ')}`,
  })
}

/** What stands for a model in place of its path: the newest run that ended. */
const LATEST = 'latest'

/**
 * The path of a model: as it was given where it is there; else that of the newest finished run for `latest`, or of the run of
 * this name. It may be called `model:` as in --policy. What was found is told. Throws 66 where nothing is.
 */
export async function modelPath(context: Context, given: string): Promise<string> {
  const isThere = (path: string) => existsSync(resolve(context.cwd, path))
  const word = isThere(given) ? given : given.replace(/^model:(?=.)/, '')
  if (isThere(word) || word.includes('/')) return word
  const runs = await pastRuns(context)
  const named = runs.some(({ run }) => run === word)
  // Whoever looks for a file is told that there is none.
  if (word !== LATEST && !named) return word
  const run = word === LATEST ? latest(runs) : runNamed(context, runs, word)
  if (run.folder !== 'there') {
    throw new Failure('noInput', `the folder of the run ${run.run} is ${run.folder}`, { where: run.path })
  }
  context.ui.note(`model:${word} is the run ${run.run} in ${run.path}`, { run: run.run, path: run.path })
  return run.path
}

/** The run on bars that ended last, of those whose models are there. */
function latest(runs: readonly PastRun[]): PastRun {
  const usable = runs.filter(
    (run) =>
      run.state === 'ended' &&
      run.task === 'trading' &&
      run.folder === 'there' &&
      [FILES.best, FILES.last].some((name) => existsSync(folderOf(run).file(name))),
  )
  const [first, ...rest] = usable
  if (first === undefined) {
    throw new Failure('noInput', 'model:latest: no finished run on bars has its folder here', {
      hint: 'jules runs list says what there is; jules train makes one',
    })
  }
  return rest.reduce((best, run) => ((run.ended?.time ?? '') >= (best.ended?.time ?? '') ? run : best), first)
}

/** A word that is rather a path than the name of a run. */
export const isLikeFile = (word: string): boolean => /[/.]/.test(word)
