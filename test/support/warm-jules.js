/**
 * Runs one command of jules after the other as its parent asks: what a new process does first, and what it compiles, costs most of
 * the time of a short command. The standard streams are files of the parent.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { run } from '../../dist/cli/run.js'
import { commands } from '../../dist/commands/index.js'

process.on('message', async ({ args, cwd, env }) => {
  process.chdir(cwd)
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, env)
  const status = await run(args, commands)
  // A command that failed may have asked for more of its input, and would get that of the next one.
  while (process.getActiveResourcesInfo().some((name) => name.startsWith('FSReq'))) await turn()
  process.send({ status })
})
process.on('disconnect', () => process.exit())
