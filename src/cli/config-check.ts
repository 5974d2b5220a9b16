/** Everything in a configuration file, and in the environment, that some command would refuse. */
import { Failure } from '../base/errors.js'
import { type AnyLeaf, type CommandEntry, type CommandGroup, isGroup } from './command.js'
import { type Config, configLayer } from './config.js'
import { globalOptions, type Options } from './options.js'
import { settle } from './settle.js'

/** Each failure once, in the order of the commands; none where all is well. */
export async function configFailures(
  config: Config,
  commands: readonly CommandEntry[],
  env: (name: string) => string | undefined,
): Promise<Failure[]> {
  const names = commands.map(({ name }) => name)
  const found = new Map<string, Failure>()
  for (const entry of commands) {
    const command = await entry.load()
    const leaves: readonly AnyLeaf[] = isGroup(command) ? command.commands : [command]
    for (const leaf of leaves) {
      const group = isGroup(command) ? { group: insideOf(command) } : {}
      const path = isGroup(command) ? [command.name, leaf.name] : [command.name]
      try {
        const layer = configLayer(config, { path, options: leaf.options, ...group }, names)
        settle(
          { ...leaf.options, ...globalOptions },
          { command: command.name, flags: new Map(), env, config: layer, discreet: leaf.discreet },
        )
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        found.set(error.message, error)
      }
    }
  }
  return [...found.values()]
}

/** The names and options of the commands of a group. */
export const insideOf = ({ commands }: CommandGroup) => ({
  names: commands.map(({ name }) => name),
  options: Object.assign({}, ...commands.map(({ options }) => options)) as Options,
})
