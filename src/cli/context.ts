/** What a running command knows of its process: words, streams, signals, environment, paths. */
import type { Clock } from '../base/time.js'
import type { ByteSink } from '../stream/sink.js'
import type { Options, Setting, Values } from './options.js'
import type { Paths } from './paths.js'
import type { PassedSignal } from './signals.js'
import type { Ui } from './ui.js'

export interface Context {
  /** Words after `jules`, such as `db start`. */
  readonly command: string
  readonly ui: Ui
  /** Aborted by the first SIGINT, SIGTERM or SIGHUP. */
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly env: (name: string) => string | undefined
  /** What child processes inherit: the whole environment but the master password and the keys of vendors. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly pid: number
  readonly uid: number
  /** Whether the uid has an entry in the user database. */
  readonly hasAccount: boolean
  readonly platform: string
  readonly arch: string
  readonly kill: (pid: number, signal: number | NodeJS.Signals) => unknown
  readonly paths: Paths
  readonly stdinIsTTY: boolean
  readonly stdoutIsTTY: boolean
  /** Letters a line of the terminal of standard output, now; 80 where it is none. */
  readonly columns: () => number
  /** Colour on standard output. */
  readonly color: boolean
  readonly quiet: boolean
  readonly json: boolean
  /** Standard output, opened on first use. */
  readonly stdout: () => ByteSink
  /** Where each option of this run came from. */
  readonly settings: ReadonlyMap<string, Setting>
  /** What environment and configuration say of the options of another command. */
  readonly settingsOf: <O extends Options>(command: string, options: O) => Promise<Values<O>>
  /** Runs when the command has ended, well or not. */
  readonly onEnd: (cleanup: () => Promise<void>) => void
  /** Runs when the process must stop at once (second signal); synchronous, may run at any moment. */
  readonly onForcedExit: (cleanup: () => void) => () => void
  /** Hands signals to a child instead of stopping this run; returns the way back. */
  readonly passSignals: (to: (signal: PassedSignal) => void) => () => void
  /** Acts as if SIGINT had come: Ctrl-C on a terminal in raw mode. */
  readonly interrupt: () => void
  /** Ends the run with this status though nothing failed: "ran, and the answer is no", a child's status. */
  readonly exitWith: (status: number) => void
}
