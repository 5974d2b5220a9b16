/** What is printed, written down and run must say the same. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type AnyLeaf, type Command, isGroup } from '../src/cli/command.js'
import { commandHelp, rootHelp } from '../src/cli/help.js'
import { globalOptions } from '../src/cli/options.js'
import { SECTION_SEVEN } from '../src/commands/generate.js'
import { commands } from '../src/commands/index.js'
import { Workdir } from './support/workdir.js'

const shown = commands.filter(({ hidden }) => !hidden)
const declared: Command[] = await Promise.all(shown.map(({ load }) => load()))
const leaves: { path: string; command: AnyLeaf }[] = declared.flatMap((command) =>
  isGroup(command)
    ? command.commands
        .filter(({ hidden }) => !hidden)
        .map((child) => ({ path: `${command.name} ${child.name}`, command: child }))
    : [{ path: command.name, command }],
)

describe('declarations', () => {
  test.each(shown)('$name is listed as it declares itself', async ({ name, summary, load }) => {
    const command = await load()
    expect([command.name, command.summary]).toEqual([name, summary])
  })

  test('help texts are lower case without a full stop', () => {
    for (const { path, command } of leaves) {
      for (const [name, { help }] of Object.entries(command.options) as [string, { help: string }][]) {
        expect(help, `${path} --${name}`).not.toMatch(/\.$|^[A-Z](?![A-Z])/)
      }
    }
  })

  test('one word means one thing: a short letter stands for one option', () => {
    const letters = new Map<string, string>()
    for (const { command } of leaves) {
      const all = { ...command.options, ...globalOptions } as Record<string, { short?: string }>
      for (const [name, { short }] of Object.entries(all)) {
        if (short === undefined) continue
        expect(letters.get(short) ?? name).toBe(name)
        letters.set(short, name)
      }
    }
  })
})

describe('help', () => {
  const pages: [string, string][] = [
    ['jules', rootHelp(shown)],
    ...declared.map((command): [string, string] => [command.name, commandHelp(command.name, command)]),
    ...leaves.map(({ path, command }): [string, string] => [path, commandHelp(path, command)]),
    ...leaves.map(({ path, command }): [string, string] => [
      `${path} --all`,
      commandHelp(path, command, { all: true }),
    ]),
  ]
  test.each(pages)('%s fits 80 columns', (_name, page) => {
    const wide = page.split('\n').filter((line) => line.length > 80)
    expect(wide).toEqual([])
  })

  test('help X, X --help and X -h are one page, on stdout, with 0', () => {
    const forms = leaves.map(({ path }) => {
      const words = path.split(' ')
      return [
        ['help', ...words],
        [...words, '--help'],
        [...words, '-h'],
      ]
    })
    // One process for all: what jules does with its arguments, again and again.
    const program = `
      import { writeSync } from 'node:fs'
      import { run } from '${pathToFileURL('dist/cli/run.js')}'
      import { commands } from '${pathToFileURL('dist/commands/index.js')}'
      for (const argv of ${JSON.stringify(forms.flat())}) writeSync(1, '\\0' + (await run(argv, commands)) + '\\0')
      process.exitCode = 0`
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    const printed = stdout.split('\0')
    for (const [i, [first]] of forms.entries()) {
      const at = 6 * i
      const page = commandHelp(leaves[i]!.path, leaves[i]!.command)
      expect([first, printed.slice(at, at + 6)]).toEqual([first, [page, '0', page, '0', page, '0']])
    }
  })

  test('the command itself prints the page', async () => {
    const { stdout, stderr, status } = await new Workdir().jules(['train', '--help'])
    const { command } = leaves.find(({ path }) => path === 'train')!
    expect([stdout, stderr, status]).toEqual([commandHelp('train', command), '', 0])
  })
})

describe('short and whole help', () => {
  test.each(leaves)(
    '$path: the whole one has every option, the short one says how many it leaves out',
    ({ path, command }) => {
      const all = Object.entries(command.options) as [string, { rare?: boolean }][]
      const whole = commandHelp(path, command, { all: true })
      const short = commandHelp(path, command)
      const rare = all.filter(([, spec]) => spec.rare)
      for (const [name] of all) expect(whole).toMatch(new RegExp(`--${name}\\b`))
      for (const [name, spec] of all)
        expect([name, new RegExp(`^ {2}(-\\w,| {3}) --${name}\\b`, 'm').test(short)]).toEqual([
          name,
          !spec.rare,
        ])
      if (rare.length > 0) expect(short).toContain(`${rare.length} more options: jules help ${path} --all`)
      else expect(short).not.toContain('more options')
    },
  )

  test('help COMMAND --all is the whole one', async () => {
    const dir = new Workdir()
    const { stdout, status } = await dir.jules(['help', 'train', '--all'])
    const command = leaves.find(({ path }) => path === 'train')!.command
    expect([status, stdout]).toEqual([0, commandHelp('train', command, { all: true })])
    const headings = [...stdout.matchAll(/^([A-Z][a-z ]+):$/gm)].map(([, heading]) => heading)
    expect(headings.slice(1, 5)).toEqual(['Data', 'Algorithm', 'Rules and costs', 'Output'])
  })

  test('commands within a group say how they end', () => {
    for (const { path, command } of leaves.filter(({ path: words }) => words.startsWith('vault '))) {
      expect([path, /^ {2}77 /m.test(commandHelp(path, command))]).toEqual([path, path !== 'vault redact'])
    }
  })
})

test('npm installs every manual page', () => {
  const { man } = JSON.parse(readFileSync('package.json', 'utf8')) as { man: string[] }
  expect(man).toEqual(
    readdirSync('man')
      .sort()
      .map((name) => `man/${name}`),
  )
})

describe('generated files', () => {
  test.each(['man', 'completions'])('%s/ is in step with the declarations', (what) => {
    const dir = mkdtempSync(join(tmpdir(), 'jules-generated-'))
    execFileSync('bin/jules', ['generate', what, '--dir', dir])
    const listed = readdirSync(dir).sort()
    expect(
      readdirSync(what)
        .filter((name) => !name.endsWith('.7'))
        .sort(),
    ).toEqual(listed)
    for (const name of listed) {
      expect(readFileSync(join(what, name), 'utf8'), `${what}/${name}: run npm run generate`).toBe(
        readFileSync(join(dir, name), 'utf8'),
      )
    }
    rmSync(dir, { recursive: true })
  })

  test('the root page names every page of section 7', () => {
    const pages = readdirSync('man').filter((name) => name.endsWith('.7'))
    expect(pages.sort()).toEqual(SECTION_SEVEN.map((name) => `${name}.7`))
  })

  test('pages do not depend on what stands in their folder', () => {
    const [empty, full] = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'jules-generated-'))) as [
      string,
      string,
    ]
    writeFileSync(join(full, 'jules-other.7'), '')
    writeFileSync(join(full, 'jules.1'), 'an older page')
    for (const dir of [empty, full]) execFileSync('bin/jules', ['generate', 'man', '--dir', dir])
    for (const name of readdirSync(empty))
      expect(readFileSync(join(full, name), 'utf8'), name).toBe(readFileSync(join(empty, name), 'utf8'))
    for (const dir of [empty, full]) rmSync(dir, { recursive: true })
  })

  const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0

  test.skipIf(!has('mandoc')).each(readdirSync('man'))('man/%s passes mandoc -T lint', (name) => {
    const { stdout, stderr } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', `man/${name}`], {
      encoding: 'utf8',
    })
    expect(stdout + stderr).toBe('')
  })

  test.skipIf(!has('bash'))('bash parses its completions and offers every long option', () => {
    for (const { path, command } of leaves) {
      const words = ['jules', ...path.split(' '), '--'].map((word) => `'${word}'`).join(' ')
      const script = `source completions/jules.bash; COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _jules; printf '%s\\n' "\${COMPREPLY[@]}"`
      const offered = execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n')
      for (const name of Object.keys({ ...command.options, ...globalOptions }))
        expect(offered, path).toContain(`--${name}`)
    }
  })

  test.skipIf(!has('bash')).each([
    ['--config x lo', ['load']],
    ['--config = x lo', ['load']],
    ['--color n', ['never']],
    ['fetch --regime tr', ['trend']],
    ['fetch --regime =', ['noise', 'mean-revert', 'trend']],
    ['fetch --regime = tr', ['trend']],
    ['-q vault g', ['get']],
    ['help d', ['drift', 'dash', 'db', 'doctor']],
  ])('bash completes "%s"', (line, expected) => {
    const script = `source completions/jules.bash; COMP_WORDS=(jules ${line}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _jules; printf '%s\\n' "\${COMPREPLY[@]}"`
    expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' }).trim().split('\n')).toEqual(expected)
  })

  test.each(readdirSync('man').filter((name) => name.endsWith('.1')))(
    'man/%s keeps to 80 columns',
    (name) => {
      // Literal text stands as it is, and a macro is one line.
      const text = readFileSync(`man/${name}`, 'utf8').replace(/^\.Bd -literal[\s\S]*?^\.Ed$/gm, '')
      expect(text.split('\n').filter((line) => line.length > 80 && !line.startsWith('.'))).toEqual([])
    },
  )

  test.skipIf(!has('zsh'))('zsh parses its completions', () => {
    expect(spawnSync('zsh', ['-n', 'completions/_jules'], { encoding: 'utf8' }).stderr).toBe('')
  })

  test.skipIf(!has('fish'))('fish parses its completions and knows every long option', () => {
    expect(spawnSync('fish', ['-n', 'completions/jules.fish'], { encoding: 'utf8' }).stderr).toBe('')
    for (const { path } of leaves) {
      const offered = execFileSync(
        'fish',
        ['-c', `source completions/jules.fish; complete -C 'jules ${path} --'`],
        { encoding: 'utf8' },
      )
      expect(offered).toContain('--verbose')
    }
  })

  test('zsh and fish files name every long option', () => {
    const zsh = readFileSync('completions/_jules', 'utf8')
    const fish = readFileSync('completions/jules.fish', 'utf8')
    for (const { command } of leaves) {
      for (const name of Object.keys(command.options)) {
        expect(zsh).toContain(`'--${name}`)
        expect(fish).toContain(` -l ${name} `)
      }
    }
  })
})

describe('examples', () => {
  // The main job has a test of its own.
  const scripts = readdirSync('examples').filter((name) => name.endsWith('.sh') && !name.startsWith('00'))
  test.each(scripts)('examples/%s runs', async (name) => {
    const dir = new Workdir()
    const examples = join(process.cwd(), 'examples', name)
    // A server that the user named is left alone, and so is the embedded one.
    const env = { TIMESCALEDB_HOST: '127.0.0.1', TIMESCALEDB_PORT: '1', JULES_DSN: 'host=127.0.0.1 port=1' }
    const { status, stderr } = await dir.shell(`sh '${examples}'`, { env })
    expect([status, /bug|\n\s+at /.test(stderr)], stderr).toEqual([0, false])
    expect(existsSync(dir.file('.local/share/jules/pg'))).toBe(false)
  })

  test('the main job, as cron would start it, leaves the page of a model and of a day on paper', async () => {
    const dir = new Workdir()
    const job = join(process.cwd(), 'examples/00-main-job.sh')
    const { status, stdout, stderr } = await dir.shell(`env -i PATH="$PATH" HOME="$HOME" sh '${job}'`)
    expect([status, stderr.replaceAll(/^jules (load|train): .*\n/gm, '')]).toEqual([0, ''])
    expect(stdout).toMatch(/^Earned \$[\d.]+ net .*; it cannot be believed:$/m)
    expect(stdout).toMatch(/^broker {4}the same cash to the cent/m)
    expect(stdout).toContain('780 rows, clean')
    const page = dir.read('report.html')
    expect(page).toContain('simulated on past bars')
    expect(page).toContain('simulated gateway, paper account DU1234567')
    expect(dir.list()).toEqual(['report.html'])
  })

  test('each example of the manual is a command line that parses', () => {
    for (const { shell } of [...declared, ...leaves.map(({ command }) => command)].flatMap(
      ({ examples = [] }) => examples,
    )) {
      expect(spawnSync('bash', ['-n', '-c', shell]).status).toBe(0)
      for (const [, name] of shell.matchAll(/\bjules ([a-z-]+)/g))
        expect(shown.map((entry) => entry.name)).toContain(name)
    }
  })
})

test('README names every command and its two commands are scripts of package.json', () => {
  const readme = readFileSync('README.md', 'utf8')
  for (const { name } of shown) expect(readme).toContain(`\`${name}\``)
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1]!)
  const run = [...blocks.join('\n').matchAll(/npm (?:run )?([a-z:]+)/g)].map((match) => match[1]!)
  for (const name of run.filter((word) => word !== 'ci')) expect(Object.keys(scripts)).toContain(name)
  // Which the examples' test runs.
  expect(scripts.demo).toBe('sh examples/00-main-job.sh')
})
