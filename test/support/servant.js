/**
 * A process that runs commands of the built jules, one after another: for most of the time that a short one takes, Node
 * starts and the modules load. Its standard streams are files, and the environment is the one that the command is given.
 */
import { closeSync, openSync } from 'node:fs'
import { run } from '../../dist/cli/run.js'
import { commands } from '../../dist/commands/index.js'

process.on('message', async ({ argv, env, cwd, streams }) => {
  process.chdir(cwd)
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name]
  Object.assign(process.env, env)
  for (const [fd, path] of streams.entries()) {
    // The lowest number that is free is the one that was closed.
    closeSync(fd)
    if (openSync(path, fd === 0 ? 'r' : 'w') !== fd) throw new Error(`descriptor ${fd} is taken`)
  }
  process.send(await run(argv, commands))
})

process.on('disconnect', () => process.exit())
