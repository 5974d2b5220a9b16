/** What -v says of the settings of every command: words that a person could type, whatever the value is inside. */
import { describe, expect, test } from 'vitest'
import { isGroup, type LeafCommand } from '../cli/command.js'
import { globalOptions, type Option, type Options } from '../cli/options.js'
import { settingWords, settle } from '../cli/settle.js'
import { commands } from './index.js'

const layers = {
  command: 'load',
  flags: new Map<string, string>(),
  env: () => undefined,
  config: () => undefined,
}

const found = await Promise.all(
  commands.map(async ({ name, load }): Promise<[string, LeafCommand][]> => {
    const command = await load()
    if (!isGroup(command)) return [[name, command as LeafCommand]]
    return command.commands.map((one) => [`${name} ${one.name}`, one as LeafCommand])
  }),
)

describe('settings under -v', () => {
  test.each(found.flat())('%s', (_name, command) => {
    const options: Options = { ...command.options, ...globalOptions }
    for (const [name, setting] of settle(options, layers)) {
      const spec: Option<unknown> = options[name]!
      const words = settingWords(name, setting, spec)
      expect(words).toMatch(/^--[a-z0-9-]+ [^[{].* \(default\)$/)
      expect([words, spec.defaultText ?? '', spec.help].join()).not.toContain('[object')
      // What is said of a default is that default, where it is said as one can type it.
      if (typeof setting.value !== 'object' || setting.value === null || Array.isArray(setting.value))
        continue
      const typed = / (.*) \(default\)$/.exec(words)?.[1] ?? ''
      expect(spec.parse(typed)).toEqual(setting.value)
    }
  })

  test('as it was typed, where it was', () => {
    const options: Options = found.flat().find(([name]) => name === 'load')![1].options
    const settled = settle(options, { ...layers, flags: new Map([['max-rejects', '1%']]) })
    expect(settingWords('max-rejects', settled.get('max-rejects')!, options['max-rejects']!)).toBe(
      '--max-rejects 1% (flag)',
    )
  })
})
