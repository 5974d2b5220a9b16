/** Lines for those who start a command each evening: a crontab, and units of systemd. */
import { DAY, daysFromCivil, HOUR, MINUTE, type Zone } from '../../base/time.js'
import { shellWord } from '../../base/words.js'
import type { Context } from '../../cli/context.js'
import { sessions } from '../../market/calendar.js'

export interface Scheduled {
  /** The absolute path of jules. */
  readonly program: string
  /** Where its Node is: cron and systemd look in few places. */
  readonly path: string
  /** Options of the run. */
  readonly words: readonly string[]
  /** That of the machine. */
  readonly zone: Zone
}

/** When the bars of the day can be expected at any vendor, in New York. */
const AT_MS = 17 * HOUR + 30 * MINUTE
/** Longer than any evening takes. */
const TIMEOUT = ['--timeout', '900']

/** The options of this run that the scheduled one is to have. Addresses are secrets, and stand in no line that others can read. */
export function scheduledWords({ settings }: Context): string[] {
  const own = ['install-cron', 'systemd', 'healthcheck', 'webhook', 'quiet', 'color', 'help', 'version']
  return [...settings].flatMap(([name, { value, origin, raw }]) =>
    origin !== 'flag' || own.includes(name) || value === false
      ? []
      : value === true
        ? [`--${name}`]
        : [`--${name}`, raw ?? ''],
  )
}

/** Lines of a crontab. */
export function cronLines({ program, path, words, zone }: Scheduled): string[] {
  const line = (more: readonly string[]) =>
    [program, 'eod-validate', '-q', ...withTimeout(words), ...more]
      .map(shellWord)
      .join(' ')
      .replaceAll('%', '\\%')
  const { minutes, days } = latestAt(zone)
  const dated = words.includes('--date') ? [] : ['--date', 'last-session']
  return [
    '# The bars of the day, each evening. A clean day says nothing, so that mail comes on a failure alone.',
    '#MAILTO=you@example.com',
    '# Addresses that are told of it are secrets: keep this crontab to yourself.',
    '#JULES_HEALTHCHECK=https://...',
    `PATH=${path}`,
    'CRON_TZ=America/New_York',
    `${(AT_MS / MINUTE) % 60} ${Math.floor(AT_MS / HOUR)} * * 1-5 ${line([])}`,
    '# The cron of Debian and Ubuntu knows no CRON_TZ. There this line takes the place of the two above;',
    `# its hour is that of ${zone.name}, late enough in summer and in winter.`,
    `#${minutes % 60} ${Math.floor(minutes / 60)} * * ${days} ${line(dated)}`,
  ]
}

/** Units of systemd: a service, its timer, and what is started where it fails. Each begins with the name of its file. */
export function systemdUnits({ program, path, words }: Scheduled): string[] {
  const dated = words.includes('--date') ? [] : ['--date', 'last-session']
  const options = ['eod-validate', '-q', ...dated, ...withTimeout(words)].map(systemdWord)
  const command = [systemdPath(program), ...options].join(' ')
  const name = 'jules-eod-validate'
  const folder = '# ~/.config/systemd/user'
  return [
    `${folder}/${name}.service`,
    '[Unit]',
    'Description=Check the bars of the day',
    `OnFailure=${name}-failed.service`,
    '',
    '[Service]',
    'Type=oneshot',
    `Environment=${systemdPath(`PATH=${path}`)}`,
    '# JULES_HEALTHCHECK and other secrets, in a file of mode 0600.',
    'EnvironmentFile=-%E/jules/eod-validate.env',
    `ExecStart=${command}`,
    '',
    `${folder}/${name}.timer`,
    '# systemctl --user daemon-reload; systemctl --user enable --now jules-eod-validate.timer; loginctl enable-linger',
    '[Unit]',
    'Description=Check the bars of the day after the close of New York',
    '',
    '[Timer]',
    `OnCalendar=Mon..Fri ${Math.floor(AT_MS / HOUR)}:${(AT_MS / MINUTE) % 60} America/New_York`,
    'Persistent=true',
    '',
    '[Install]',
    'WantedBy=timers.target',
    '',
    `${folder}/${name}-failed.service`,
    '[Unit]',
    'Description=Tell that the bars of the day are not as they should be',
    '',
    '[Service]',
    'Type=oneshot',
    `ExecStart=/bin/sh -c 'systemctl --user status -l -n 50 ${name}.service | if command -v mail >/dev/null; then mail -s "jules eod-validate failed on %H" "%u"; else logger -p user.err -t jules; fi'`,
  ]
}

const withTimeout = (words: readonly string[]): readonly string[] =>
  words.includes('--timeout') ? words : [...words, ...TIMEOUT]

/** The time of day in a zone that is never before the one in New York, and the days of the week it falls on. */
function latestAt(zone: Zone): { minutes: number; days: string } {
  // A year in which the two change their clocks as they do.
  const all = sessions(daysFromCivil(2025, 1, 1), daysFromCivil(2025, 12, 31))
  const latest = Math.max(
    ...all.map(({ day, openMs }) => {
      // Sessions open at 9:30.
      const atMs = openMs - (9 * HOUR + 30 * MINUTE) + AT_MS
      return atMs + zone.offsetAt(atMs) - day * DAY
    }),
  )
  return { minutes: Math.floor((latest % DAY) / MINUTE), days: latest < DAY ? '1-5' : '2-6' }
}

/** A word of a command line of systemd, in which `$` and `%` stand for themselves. */
const systemdWord = (text: string): string => systemdPath(text.replaceAll('$', '$$$$'))

/** The first one: systemd puts no variables in it. */
function systemdPath(text: string): string {
  const plain = text.replaceAll('%', '%%')
  if (/^[\w@%+=:,./$-]+$/.test(plain)) return plain
  return `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('\t', '\\t')}"`
}
